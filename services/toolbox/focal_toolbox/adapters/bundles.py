"""Tool definitions out of published bundles, fetched from config_watcher and kept.

A published version never changes, so only the pointer to the current one grows old.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import cachetools
import grpc
from google.protobuf import json_format

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import bundle_pb2, tool_definition_pb2
from focal.config.v1 import config_watcher_service_pb2 as watcher
from focal.config.v1.config_watcher_service_pb2_grpc import ConfigWatcherServiceStub
from focal_service_kit import errors as wire
from focal_toolbox import errors
from focal_toolbox.adapters.once import Once
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool import Check, Tier, Tool

PART = "tools"

Authorize = Callable[[str], str]
"""Tenant id to a token that config_watcher accepts for it."""

_POLICIES = {
    policies.SIDE_EFFECT_POLICY_PURE: Policy.PURE,
    policies.SIDE_EFFECT_POLICY_IDEMPOTENT: Policy.IDEMPOTENT,
    policies.SIDE_EFFECT_POLICY_COMPENSATABLE: Policy.COMPENSATABLE,
    policies.SIDE_EFFECT_POLICY_IRREVERSIBLE: Policy.IRREVERSIBLE,
}
_TIERS = {
    tool_definition_pb2.TOOL_TIER_PLATFORM: Tier.PLATFORM,
    tool_definition_pb2.TOOL_TIER_TENANT: Tier.TENANT,
    tool_definition_pb2.TOOL_TIER_AGENT: Tier.AGENT,
}


class BundleTools:
    """The ToolCatalogue of a deployment with a config_watcher."""

    def __init__(
        self,
        stub: ConfigWatcherServiceStub,
        authorize: Authorize,
        *,
        bundles_kept: int,
        bundle_ttl_s: float,
        pointer_ttl_s: float,
        timeout_s: float,
    ) -> None:
        self._stub: Any = stub
        self._authorize = authorize
        self._timeout_s = timeout_s
        self._bundles: Once[Mapping[str, Tool]] = Once(cachetools.TTLCache(bundles_kept, bundle_ttl_s))
        self._pointers: Once[int] = Once(cachetools.TTLCache(bundles_kept, pointer_ttl_s))

    async def tools(self, tenant_id: str, agent_id: str, version: int) -> Mapping[str, Tool]:
        if not version:
            version = await self._pointers.get(
                (tenant_id, agent_id), lambda: self._current(tenant_id, agent_id)
            )
        return await self._bundles.get(
            (tenant_id, agent_id, version), lambda: self._fetch(tenant_id, agent_id, version)
        )

    async def _current(self, tenant_id: str, agent_id: str) -> int:
        request = watcher.GetPointerRequest(agent_id=agent_id)
        try:
            response = await self._stub.GetPointer(
                request,
                timeout=self._timeout_s,
                metadata=self._identity(tenant_id),
                wait_for_ready=True,
            )
        except grpc.aio.AioRpcError as failure:
            raise wire.from_rpc(failure) from None
        version: int = response.pointer.version
        return version

    async def _fetch(self, tenant_id: str, agent_id: str, version: int) -> Mapping[str, Tool]:
        request = watcher.GetBundleRequest(agent_id=agent_id, version=version, parts=[PART])
        call = self._stub.GetBundle(
            request, timeout=self._timeout_s, metadata=self._identity(tenant_id), wait_for_ready=True
        )
        expected = ""
        received = bytearray()
        try:
            async for frame in call:
                if frame.HasField("manifest"):
                    expected = _checksum(frame.manifest)
                elif frame.chunk.part == PART:
                    received += frame.chunk.data
        except grpc.aio.AioRpcError as failure:
            raise wire.from_rpc(failure) from None
        return _parse(bytes(received), expected)

    def _identity(self, tenant_id: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._authorize(tenant_id)}"),)


def _checksum(manifest: bundle_pb2.BundleManifest) -> str:
    return next((part.sha256 for part in manifest.parts if part.name == PART), "")


def _parse(received: bytes, expected: str) -> Mapping[str, Tool]:
    if expected and hashlib.sha256(received).hexdigest() != expected:
        raise errors.BundleUnusable("the bundle's tools arrived damaged")
    if not received:
        return {}
    part = bundle_pb2.ToolsPart()
    try:
        json_format.Parse(received, part, ignore_unknown_fields=True)
    except json_format.ParseError:
        raise errors.BundleUnusable("the bundle's tools cannot be read") from None
    return {definition.name: from_proto(definition) for definition in part.tools}


def from_proto(definition: tool_definition_pb2.ToolDefinition) -> Tool:
    """A bundle's definition as the core knows it."""
    return Tool(
        name=definition.name,
        description=definition.description,
        policy=_POLICIES.get(definition.policy, Policy.IRREVERSIBLE),
        schema_json=definition.parameter_schema_json,
        business_key_fields=tuple(definition.business_key_fields),
        provider=definition.provider,
        provider_config_json=definition.provider_config_json,
        requires_confirmation=definition.requires_confirmation,
        timeout_s=definition.timeout_ms / 1000 or None,
        enabled=definition.enabled,
        compensation=definition.compensation_tool,
        compensation_arguments=dict(definition.compensation_arguments),
        check=_check(definition),
        confirmation_prompt=definition.confirmation_prompt,
        categories=tuple(definition.categories),
        tier=_TIERS.get(definition.tier, Tier.AGENT),
        fresh_s=definition.fresh_ms / 1000,
        asynchronous=definition.asynchronous,
        report_within_s=definition.report_within_ms / 1000 or None,
    )


def _check(definition: tool_definition_pb2.ToolDefinition) -> Check | None:
    if not definition.check_tool:
        return None
    return Check(definition.check_tool, definition.check_happened, dict(definition.check_arguments))
