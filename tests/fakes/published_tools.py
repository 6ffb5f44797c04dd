"""A config_watcher that serves the tools a test gives it, over real gRPC."""

# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.protobuf import json_format

from focal.config.v1 import bundle_pb2, tool_definition_pb2
from focal.config.v1 import config_watcher_service_pb2 as pb
from focal.config.v1.config_watcher_service_pb2_grpc import (
    ConfigWatcherServiceServicer,
    add_ConfigWatcherServiceServicer_to_server,
)
from focal_kernel import errors
from focal_service_kit import identity
from focal_service_kit.host import Host

AGENT = "returns_desk"


class PublishedTools(ConfigWatcherServiceServicer):
    """Version 1 is what the constructor got; `publish` adds versions. Counts the fetches."""

    def __init__(self, tools: Iterable[tool_definition_pb2.ToolDefinition]) -> None:
        self.versions: list[list[tool_definition_pb2.ToolDefinition]] = [list(tools)]
        self.fetches = 0
        self.chunk_bytes = 64
        self.damage = False

    async def build(self, host: Host) -> None:
        add_ConfigWatcherServiceServicer_to_server(self, host.server)
        host.serves("focal.config.v1.ConfigWatcherService")

    def publish(self, tools: Iterable[tool_definition_pb2.ToolDefinition]) -> None:
        self.versions.append(list(tools))

    async def GetPointer(self, request: pb.GetPointerRequest, context: Any) -> pb.GetPointerResponse:
        return pb.GetPointerResponse(pointer=self._pointer(request.agent_id, len(self.versions)))

    async def GetBundle(
        self, request: pb.GetBundleRequest, context: Any
    ) -> AsyncIterator[pb.GetBundleResponse]:
        self.fetches += 1
        assert list(request.parts) == ["tools"]
        pointer = self._pointer(request.agent_id, request.version)
        if not 1 <= request.version <= len(self.versions):
            raise errors.NotFound("VERSION_NOT_FOUND", "no such version")
        part = bundle_pb2.ToolsPart(tools=self.versions[request.version - 1])
        data = json_format.MessageToJson(part, preserving_proto_field_name=True).encode()
        described = bundle_pb2.BundlePart(
            name="tools", size=len(data), sha256=hashlib.sha256(data).hexdigest()
        )
        yield pb.GetBundleResponse(manifest=bundle_pb2.BundleManifest(pointer=pointer, parts=[described]))
        if self.damage:
            data = data[:-1] + b" "
        for start in range(0, len(data), self.chunk_bytes):
            piece = data[start : start + self.chunk_bytes]
            yield pb.GetBundleResponse(chunk=pb.BundleChunk(part="tools", data=piece))

    def _pointer(self, agent_id: str, version: int) -> bundle_pb2.BundlePointer:
        if agent_id != AGENT:
            raise errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        return bundle_pb2.BundlePointer(tenant_id=identity.tenant(), agent_id=agent_id, version=version)
