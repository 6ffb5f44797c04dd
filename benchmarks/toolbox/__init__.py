"""What the toolbox costs beyond the provider, and how many effects it carries out without a repeat.

The provider is a bare HTTP server in a process of its own. The reference is a direct call of it on a kept
connection, taken in turns with the calls through the toolbox, so that both see the same machine. The verdict
on repeats is the provider's own count. Nothing here asserts a time.
"""
