"""The calls about effects. All raise CallFailed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
CHECK_TIMEOUT_S = 60.0
"""A provider is asked; the toolbox's own limit is shorter."""
LARGEST_PAGE = 100


async def effects(
    connection: Connection, session_id: str = "", state: str = "", limit: int = LARGEST_PAGE
) -> list[effect_pb2.Effect]:
    """The latest effects of the tenant, newest first; `state` is a name of the contract without prefix."""
    number = effect_pb2.EffectState.Value(f"EFFECT_STATE_{state or 'UNSPECIFIED'}")
    request = pb.ListEffectsRequest(session_id=session_id, state=number)
    found: list[effect_pb2.Effect] = []
    async with _stub(connection) as stub:
        while True:
            request.page_size = min(LARGEST_PAGE, limit - len(found))
            page = await calls.unary(stub.ListEffects, request, connection.token, TIMEOUT_S)
            found += page.effects
            if not page.next_page_token or len(found) >= limit:
                return found
            request.page_token = page.next_page_token


async def effect(connection: Connection, effect_id: str) -> pb.GetEffectResponse:
    """One effect, and what was said about doubts of it."""
    request = pb.GetEffectRequest(effect_id=effect_id)
    async with _stub(connection) as stub:
        shown: pb.GetEffectResponse = await calls.unary(stub.GetEffect, request, connection.token, TIMEOUT_S)
        return shown


async def resolve(
    connection: Connection, effect_id: str, state: str, reason: str, result_json: str
) -> effect_pb2.Effect:
    """Say what became of an effect; `state` is DONE or FAILED."""
    request = pb.ResolveEffectRequest(
        effect_id=effect_id,
        state=effect_pb2.EffectState.Value(f"EFFECT_STATE_{state}"),
        result_json=result_json,
        reason=reason,
        request_id=ids.new_id("req"),
    )
    async with _stub(connection) as stub:
        resolved: pb.ResolveEffectResponse = await calls.unary(
            stub.ResolveEffect, request, connection.token, TIMEOUT_S
        )
        return resolved.effect


async def check(connection: Connection, effect_id: str) -> pb.CheckEffectResponse:
    """Have the provider asked what became of an effect."""
    request = pb.CheckEffectRequest(effect_id=effect_id)
    async with _stub(connection) as stub:
        told: pb.CheckEffectResponse = await calls.unary(
            stub.CheckEffect, request, connection.token, CHECK_TIMEOUT_S
        )
        return told


@asynccontextmanager
async def _stub(connection: Connection) -> AsyncIterator[Any]:
    async with connection.channel("toolbox") as channel:
        yield api.ToolboxServiceStub(channel)
