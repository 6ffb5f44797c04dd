"""Use cases, one activity per module. Neither protobuf nor SQL here, and no language model ever."""
