"""What every Focal package may lean on: ids, the error base, the clock and canonical JSON.

No input or output lives here, no grpc, no protobuf and no third-party package, so that a domain
module can import it and stay pure.
"""
