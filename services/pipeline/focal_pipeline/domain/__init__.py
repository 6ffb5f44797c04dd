"""What the pipeline reasons about: bundles, session state, one turn, and pure rules over them.

Frozen dataclasses and functions without input or output live here. No protobuf, no gRPC, no clock
and no model; numpy only where a formula is vectorised.
"""
