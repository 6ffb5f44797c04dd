"""Use cases, one activity per module: validating, compiling, publishing, serving, watching.

No SQL, Redis, grpc or protobuf here; those are behind `ports`.
"""
