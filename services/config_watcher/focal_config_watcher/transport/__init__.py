"""gRPC servicers: check who calls, decode, one core call, encode. No decisions about bundles."""
