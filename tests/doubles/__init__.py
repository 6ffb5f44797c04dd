"""Stand-ins for parties outside Focal that speak the real protocol over a real socket.

A double is scripted by the test and records what it was asked; it never imports a service. Fakes of
our own ports are in tests/fakes.
"""
