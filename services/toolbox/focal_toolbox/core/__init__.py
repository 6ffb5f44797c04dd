"""The activities of the toolbox, one per module: execute, deliver, fence, list, sweep.

Everything outside is reached through `ports`; no protobuf and no SQL here.
"""
