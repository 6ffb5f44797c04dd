"""What tools, effects, keys and results are: frozen values and pure rules.

No input or output, no protobuf, no SQL, no clock.
"""
