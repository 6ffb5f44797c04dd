"""What the whole mesh costs: turns per second, latency, CPU and model calls per turn.

The reference is a bare three-hop gRPC echo chain, measured in the same run on the same machine; ratios travel
between machines, milliseconds do not. Nothing here asserts a time.
"""
