"""The world behind the ports: config_watcher, toolbox and memory over gRPC, models over HTTP.

Protobuf and the openai package stop here. No decision about a conversation is taken here.
"""
