"""A gRPC service without a contract of its own: four call shapes over StringValue.

Tests of the service kit hang their handlers on it, so that they need no stubs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf.wrappers_pb2 import StringValue

from focal_service_kit.host import Host

SERVICE = "focal.test.v1.EchoService"


def add(host: Host, **handlers: Any) -> None:
    """Register handlers by shape: `unary`, `server_stream`, `client_stream`, `both`."""
    makers: Mapping[str, Any] = {
        "unary": grpc.unary_unary_rpc_method_handler,
        "server_stream": grpc.unary_stream_rpc_method_handler,
        "client_stream": grpc.stream_unary_rpc_method_handler,
        "both": grpc.stream_stream_rpc_method_handler,
    }
    methods = {
        name: makers[name](handler, StringValue.FromString, StringValue.SerializeToString)
        for name, handler in handlers.items()
    }
    host.serves(SERVICE)
    host.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))


class Stub:
    """Calls to the echo service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        codec = (StringValue.SerializeToString, StringValue.FromString)
        self.unary: Any = channel.unary_unary(f"/{SERVICE}/unary", *codec)
        self.server_stream: Any = channel.unary_stream(f"/{SERVICE}/server_stream", *codec)
        self.client_stream: Any = channel.stream_unary(f"/{SERVICE}/client_stream", *codec)
        self.both: Any = channel.stream_stream(f"/{SERVICE}/both", *codec)


def text(value: str = "") -> StringValue:
    return StringValue(value=value)
