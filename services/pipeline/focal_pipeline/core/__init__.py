"""The brain: one module per phase of a turn, and the agent runtimes that the phases read.

`run_turn` strings the phases together. Nothing here knows protobuf, gRPC or the openai package; the
world is behind `focal_pipeline.ports`.
"""
