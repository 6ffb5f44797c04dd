"""A gRPC service of somebody else's, built from a descriptor, that misbehaves as told.

    async with grpc_shop.serving() as shop:
        shop.behave(grpc_shop.refuse(grpc.StatusCode.NOT_FOUND))

A relay stands before it, so that a test can cut its connections without the server's knowledge.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

SERVICE = "acme.shop.v1.Orders"

_F = descriptor_pb2.FieldDescriptorProto
_FIELDS = {
    "RefundRequest": [("order_id", _F.TYPE_STRING), ("cents", _F.TYPE_INT64), ("rate", _F.TYPE_DOUBLE)],
    "Refund": [
        ("refund_id", _F.TYPE_STRING),
        ("cents", _F.TYPE_INT64),
        ("final", _F.TYPE_BOOL),
        ("paid_at", _F.TYPE_MESSAGE),
    ],
}

Behaviour = Callable[["Call"], Awaitable[bytes]]


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="acme/shop/v1/orders.proto",
        package="acme.shop.v1",
        syntax="proto3",
        dependency=["google/protobuf/timestamp.proto"],
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields, 1):
            of = ".google.protobuf.Timestamp" if kind == _F.TYPE_MESSAGE else None
            message.field.add(
                name=field_name, number=number, type=kind, type_name=of, label=_F.LABEL_OPTIONAL
            )
    service = file.service.add(name="Orders")
    for name, streaming in (("Refund", False), ("Watch", True)):
        service.method.add(
            name=name,
            input_type=".acme.shop.v1.RefundRequest",
            output_type=".acme.shop.v1.Refund",
            server_streaming=streaming,
        )
    return file


POOL = descriptor_pool.DescriptorPool()
POOL.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
POOL.Add(_file())
REQUEST: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("acme.shop.v1.RefundRequest"))
REFUND: Any = message_factory.GetMessageClass(POOL.FindMessageTypeByName("acme.shop.v1.Refund"))
FILES = descriptor_pb2.FileDescriptorSet(
    file=[descriptor_pb2.FileDescriptorProto.FromString(timestamp_pb2.DESCRIPTOR.serialized_pb), _file()]
).SerializeToString()
DESCRIPTORS = base64.b64encode(FILES).decode()


@dataclass(frozen=True)
class Call:
    """One call as it arrived."""

    request: Any
    metadata: dict[str, str | bytes]
    context: Any


@dataclass
class Shop:
    """`behaviours` are used up one per call, the last one stays."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    reflections: list[str] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    connected: int = 0

    def behave(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    def cut(self) -> None:
        """End every connection as a crash would."""
        for writer in list(self.connections):
            writer.transport.abort()

    async def refund(self, request: bytes, context: Any) -> bytes:
        metadata = dict(context.invocation_metadata())
        call = Call(REQUEST.FromString(request), metadata, context)
        self.calls.append(call)
        self.arrived.set()
        behaviour = self.behaviours[0] if self.behaviours else pay
        if len(self.behaviours) > 1:
            self.behaviours.pop(0)
        return await behaviour(call)


async def pay(call: Call) -> bytes:
    refund = REFUND(refund_id="r1", cents=call.request.cents)
    refund.paid_at.FromJsonString("2026-01-02T03:04:05Z")
    return bytes(refund.SerializeToString())


def refuse(code: grpc.StatusCode, details: str = "your card 4111 is declined", reason: str = "") -> Behaviour:
    """Ends the call with a status, and an ErrorInfo when there is a `reason`."""

    async def behave(call: Call) -> bytes:
        if reason:
            status = status_pb2.Status(code=code.value[0], message=details)
            status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="acme"))
            call.context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        await call.context.abort(code, details)
        raise AssertionError

    return behave


async def hang(call: Call) -> bytes:
    await asyncio.Event().wait()
    return b""


async def garbage(call: Call) -> bytes:
    return b"\xff\xff\xff\xff"


async def large(call: Call) -> bytes:
    return bytes(REFUND(refund_id="x" * 100_000).SerializeToString())


async def fail(call: Call) -> bytes:
    raise RuntimeError("the card 4111")


@asynccontextmanager
async def serving(
    *reflections: str, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[Shop]:
    """The shop on a free loopback port; it describes itself by these versions of reflection (`v1`…)."""
    shop = Shop()
    server = grpc.aio.server()
    methods: Any = {"Refund": grpc.unary_unary_rpc_method_handler(shop.refund)}
    handlers = [grpc.method_handlers_generic_handler(SERVICE, methods)]
    handlers += [_reflection(shop, version) for version in reflections]
    server.add_generic_rpc_handlers(tuple(handlers))
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    relay = await asyncio.start_server(lambda r, w: _relay(shop, port, r, w), "127.0.0.1", 0)
    scheme = "grpc" if credentials is None else "grpcs"
    shop.url = f"{scheme}://127.0.0.1:{relay.sockets[0].getsockname()[1]}"
    try:
        yield shop
    finally:
        relay.close()
        shop.cut()
        await server.stop(0)


def _reflection(shop: Shop, version: str) -> grpc.GenericRpcHandler:
    servicer: Any = ReflectionServicer([SERVICE], pool=POOL)

    async def info(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        shop.reflections.append(version)
        async for answer in servicer.ServerReflectionInfo(requests, context):
            yield answer

    handler = grpc.stream_stream_rpc_method_handler(
        info,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(
        f"grpc.reflection.{version}.ServerReflection", {"ServerReflectionInfo": handler}
    )


async def _relay(shop: Shop, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    shop.connections.add(writer)
    shop.connected += 1
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError, asyncio.CancelledError):
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
    inner_writer.close()
    shop.connections.discard(writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
