"""Bundles from config_watcher: fetched in chunks, checked against their manifest, watched."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable

import grpc
import grpc.aio

from focal.config.v1 import bundle_pb2
from focal.config.v1 import config_watcher_service_pb2 as messages
from focal.config.v1.config_watcher_service_pb2_grpc import ConfigWatcherServiceStub
from focal_pipeline import errors
from focal_pipeline.adapters import bundle_codec
from focal_pipeline.domain.bundle import Bundle, Pointer
from focal_service_kit import errors as rpc_errors

NAME = "config_watcher"

Token = Callable[[str], str]
"""A service token of our own for a tenant, "" for all."""


class ConfigWatcher:
    """Implements `BundleSource`; always shows our own token, because what a turn's token allows says
    nothing about bundles, and a shared fetch belongs to no single turn.
    """

    def __init__(self, channel: grpc.aio.Channel, token: Token, *, timeout_s: float) -> None:
        self._stub = ConfigWatcherServiceStub(channel)
        self._token = token
        self._timeout_s = timeout_s

    async def fetch(self, tenant_id: str, agent_id: str, version: int) -> Bundle:
        """See BundleSource."""
        call = self._stub.GetBundle(
            messages.GetBundleRequest(agent_id=agent_id, version=version),
            timeout=self._timeout_s,
            metadata=self._metadata(tenant_id),
            # A channel that backs off answers at once, and the turn would burn its attempts on it.
            wait_for_ready=True,
        )
        try:
            manifest, parts = await _assembled(call)
        except grpc.aio.AioRpcError as failure:
            raise _meaning(failure, agent_id, version) from None
        finally:
            call.cancel()
        return bundle_codec.bundle_from_parts(manifest, parts)

    async def watch(self) -> AsyncIterator[Pointer]:
        """See BundleSource."""
        call = self._stub.WatchBundles(messages.WatchBundlesRequest(), metadata=self._metadata(""))
        try:
            async for frame in call:
                if frame.WhichOneof("frame") == "pointer":
                    yield _pointer(frame.pointer)
        except grpc.aio.AioRpcError:
            raise errors.ConfigUnavailable from None
        finally:
            call.cancel()

    def _metadata(self, tenant_id: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token(tenant_id)}"),)


async def _assembled(
    frames: AsyncIterable[messages.GetBundleResponse],
) -> tuple[bundle_pb2.BundleManifest, dict[str, bytes]]:
    manifest = bundle_pb2.BundleManifest()
    parts: dict[str, bytearray] = {}
    async for frame in frames:
        if frame.WhichOneof("frame") == "manifest":
            manifest = frame.manifest
        else:
            parts.setdefault(frame.chunk.part, bytearray()).extend(frame.chunk.data)
    for part in manifest.parts:
        if hashlib.sha256(parts.get(part.name, b"")).hexdigest() != part.sha256:
            raise errors.BundleUnusable(f"part '{part.name}' does not match its checksum")
    return manifest, {name: bytes(content) for name, content in parts.items()}


def _meaning(failure: grpc.aio.AioRpcError, agent_id: str, version: int) -> Exception:
    error = rpc_errors.from_rpc(failure)
    if error.reason == "VERSION_NOT_FOUND":
        return errors.VersionNotFound(agent_id, version)
    if error.reason in {"AGENT_NOT_FOUND", "TENANT_NOT_FOUND"}:
        return errors.AgentNotFound(agent_id)
    if failure.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return errors.ConfigUnavailable()
    return error


def _pointer(pointer: bundle_pb2.BundlePointer) -> Pointer:
    return Pointer(pointer.tenant_id, pointer.agent_id, pointer.version)
