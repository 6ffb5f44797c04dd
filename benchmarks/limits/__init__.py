"""What the gateway's limits hold: a tenant that floods, a burst into one session, thousands of streams.

Every figure is measured beside its own reference in the same run, because ratios travel between machines.
Nothing here asserts a time.
"""
