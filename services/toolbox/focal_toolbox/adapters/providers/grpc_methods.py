"""What a unary method takes and gives, as the service or a file describes it, and JSON for both.

64-bit integers are text in a result, as proto3's JSON has it, so that no reader rounds them; in arguments
they may be numbers or text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cachetools
import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from focal_kernel import canonical_json

KEPT = 512
"""Services whose descriptions are kept."""
_REFLECTIONS = ("v1", "v1alpha")
_LARGEST_NESTING = 100

Metadata = Sequence[tuple[str, str]]


class Undescribed(Exception):
    """There is no such unary method, or nobody describes it; `reason` is a lower-case word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Unfitting(Exception):
    """The arguments are not what the method takes."""


@dataclass(frozen=True, slots=True)
class Method:
    """One unary method."""

    path: str
    descriptor: MethodDescriptor
    pool: descriptor_pool.DescriptorPool

    def encode(self, request_json: str) -> bytes:
        """The request's bytes; Unfitting names the place, and nothing of the value."""
        message = message_factory.GetMessageClass(self.descriptor.input_type)()
        try:
            json_format.Parse(request_json, message, descriptor_pool=self.pool)
            return message.SerializeToString()
        except (json_format.ParseError, ValueError, TypeError, RecursionError):
            raise Unfitting(f"the arguments do not fit {self.descriptor.input_type.full_name}") from None

    def decode(self, answer: bytes) -> str:
        """The answer as canonical JSON; ValueError when it is none."""
        message = message_factory.GetMessageClass(self.descriptor.output_type)()
        try:
            message.ParseFromString(answer)
            text = json_format.MessageToJson(
                message,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
                descriptor_pool=self.pool,
                indent=None,
            )
        except (DecodeError, json_format.Error, TypeError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from None
        return canonical_json.dumps(canonical_json.loads(text))


def described(name: str, files: bytes) -> Method:
    """The method `package.Service/Method` in a serialized FileDescriptorSet; raises Undescribed."""
    found = descriptor_pb2.FileDescriptorSet()
    try:
        found.ParseFromString(files)
    except DecodeError:
        raise Undescribed("no_descriptor", "the descriptor set cannot be read") from None
    return _method(name, {file.name: file for file in found.file})


@dataclass(slots=True)
class _Known:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    pool: dict[str, descriptor_pb2.FileDescriptorProto] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    until: float = 0.0


class Reflected:
    """Methods that services describe themselves, kept for `kept_s` seconds; at most `most_bytes` of one
    service's files are read."""

    def __init__(self, kept_s: float, most_bytes: int) -> None:
        self._kept_s = kept_s
        self._most_bytes = most_bytes
        self._known: cachetools.LRUCache[object, _Known] = cachetools.LRUCache(KEPT)

    def known(self, whose: object, name: str) -> Method | None:
        """The method, as far as it was asked for lately."""
        known = self._known.get((whose, name.partition("/")[0]))
        return known.methods.get(name) if known and known.until > time.monotonic() else None

    async def ask(
        self, channel: grpc.aio.Channel, metadata: Metadata, whose: object, name: str, timeout_s: float
    ) -> Method:
        """The method as the service describes it; raises Undescribed or AioRpcError."""
        service = name.partition("/")[0]
        known = self._known.setdefault((whose, service), _Known())
        async with known.lock:
            if known.until < time.monotonic():
                known.pool = await _files(channel, metadata, service, timeout_s, self._most_bytes)
                known.methods = {}
                known.until = time.monotonic() + self._kept_s
            if name not in known.methods:
                known.methods[name] = _method(name, known.pool)
            return known.methods[name]

    def forget(self, whose: object, name: str) -> None:
        """Ask anew next time: the service did not know the method any more."""
        self._known.pop((whose, name.partition("/")[0]), None)


async def _files(
    channel: grpc.aio.Channel, metadata: Metadata, service: str, timeout_s: float, most_bytes: int
) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """All files that a service's description needs, by name."""
    until = time.monotonic() + timeout_s
    for version in _REFLECTIONS:
        try:
            return await _Conversation(
                channel, metadata, version, until - time.monotonic(), most_bytes
            ).files(service)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
    raise Undescribed("no_reflection", "the provider offers no reflection: give `descriptors` instead")


class _Conversation:
    """One reflection stream. Both versions have the same messages."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        metadata: Metadata,
        version: str,
        timeout_s: float,
        most_bytes: int,
    ) -> None:
        open_stream = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        self._call: Any = open_stream(metadata=list(metadata), timeout=timeout_s)
        self._left = most_bytes

    async def files(self, service: str) -> dict[str, descriptor_pb2.FileDescriptorProto]:
        found: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        try:
            request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
            self._add(found, await self._ask(request))
            while missing := _missing(found.values(), found):
                request = reflection_pb2.ServerReflectionRequest(file_by_filename=missing)
                self._add(found, await self._ask(request))
                if missing not in found:
                    raise Undescribed("no_descriptor", "the provider does not describe all that it uses")
        finally:
            self._call.cancel()
        return found

    async def _ask(self, request: Any) -> Sequence[bytes]:
        await self._call.write(request)
        answer = await self._call.read()
        if answer is grpc.aio.EOF:
            await self._call.code()
            raise Undescribed("no_descriptor", "the provider's reflection ended early")
        if answer.WhichOneof("message_response") != "file_descriptor_response":
            raise Undescribed("no_descriptor", "the provider does not describe the service")
        files: Sequence[bytes] = answer.file_descriptor_response.file_descriptor_proto
        return files

    def _add(self, found: dict[str, descriptor_pb2.FileDescriptorProto], files: Iterable[bytes]) -> None:
        for data in files:
            self._left -= len(data)
            if self._left < 0:
                raise Undescribed("no_descriptor", "the provider's description is too long")
            try:
                file = descriptor_pb2.FileDescriptorProto.FromString(data)
            except DecodeError:
                raise Undescribed("no_descriptor", "the provider's description cannot be read") from None
            found.setdefault(file.name, file)


def _missing(
    files: Iterable[descriptor_pb2.FileDescriptorProto],
    found: dict[str, descriptor_pb2.FileDescriptorProto],
) -> str:
    return next((name for file in files for name in file.dependency if name not in found), "")


def _method(name: str, files: dict[str, descriptor_pb2.FileDescriptorProto]) -> Method:
    service, _, method = name.partition("/")
    pool = descriptor_pool.DescriptorPool()
    try:
        for file in _in_order(files):
            pool.Add(file)
        descriptor = pool.FindServiceByName(service).FindMethodByName(method)
    except (KeyError, TypeError, ValueError):
        descriptor = None
    if descriptor is None:
        raise Undescribed("no_descriptor", f"no description has the method {name[:200]!r}")
    if descriptor.client_streaming or descriptor.server_streaming:
        raise Undescribed("not_unary", f"the method {name[:200]!r} is not unary")
    return Method(f"/{service}/{method}", descriptor, pool)


def _in_order(
    files: dict[str, descriptor_pb2.FileDescriptorProto],
) -> Iterable[descriptor_pb2.FileDescriptorProto]:
    """Files after those they import; a ring, which no compiler writes, is left to the pool to refuse."""
    ordered: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def visit(name: str, depth: int) -> None:
        if name in ordered or name not in files or depth > _LARGEST_NESTING:
            return
        for needed in files[name].dependency:
            visit(needed, depth + 1)
        ordered.setdefault(name, files[name])

    for name in files:
        visit(name, 0)
    return ordered.values()
