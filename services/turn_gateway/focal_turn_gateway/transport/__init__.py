"""The gRPC edge: servicers that decode, make one core call and encode."""
