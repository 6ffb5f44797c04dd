"""Messages, sessions, turns, events and windows as plain values and pure rules. No I/O, no clock, no
protobuf.
"""
