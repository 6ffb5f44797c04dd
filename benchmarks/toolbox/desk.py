"""A toolbox and its config_watcher as processes, with an agent published whose tools call the provider."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from focal.config.v1 import version_pb2
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_cli import admin
from focal_cli.connection import Connection
from focal_cli.local import keeper, mesh
from focal_service_kit.identity.issuer import TokenIssuer

Turn = tuple[tool_pb2.ToolContext, tuple[tuple[str, str], ...]]
"""On whose behalf a call is made, and its metadata."""

TENANT, AGENT_ID = "bench", "toolbox_desk"
READ, PAY = "look_up", "pay"
CALLS_PER_TURN = 4
"""Below the calls that a turn may make."""
_TIMEOUT_S = 30.0

_AGENT = """\
id: toolbox_desk
name: Toolbox desk
description: Has tools.
language: en
system_prompt: You look orders up and pay them.
error_reply: Sorry, something went wrong.
"""
_TOOLS = """\
look_up:
  description: Reads an order.
  policy: pure
  parameters:
    type: object
    properties:
      order_id: {type: string, pattern: "^[A-Za-z0-9_-]+$"}
    required: [order_id]
    additionalProperties: false
  http:
    method: GET
    url: ${BENCH_PROVIDER_URL}/orders/{order_id}
pay:
  description: Pays an order.
  policy: irreversible
  business_key: [order_id]
  parameters:
    type: object
    properties:
      order_id: {type: string, pattern: "^[A-Za-z0-9_-]+$"}
    required: [order_id]
    additionalProperties: false
  http:
    method: POST
    url: ${BENCH_PROVIDER_URL}/orders/{order_id}
    body: {}
"""


class Turns:
    """The turns of one session: a new one, with a token of its own, after `CALLS_PER_TURN` calls."""

    def __init__(self, issuer: TokenIssuer, version: int) -> None:
        self._issuer = issuer
        self._version = version
        self._session_id = f"ses_{secrets.token_hex(8)}"
        self._calls = 0
        self._epoch = 0

    def next(self) -> Turn:
        """The turn of the next call."""
        if self._calls % CALLS_PER_TURN == 0:
            self._begin()
        self._calls += 1
        return self._context, self._metadata

    def _begin(self) -> None:
        self._epoch += 1
        turn_id = f"trn_{secrets.token_hex(8)}"
        self._context = tool_pb2.ToolContext(
            agent_id=AGENT_ID,
            config_version=self._version,
            session_id=self._session_id,
            turn_id=turn_id,
            turn_group_id=f"grp_{turn_id}",
            epoch=self._epoch,
            customer_id="cus_1",
            no_pending_messages=True,
        )
        token = self._issuer.mint(
            ["toolbox"], tenant_id=TENANT, session_id=self._session_id, turn_id=turn_id, epoch=self._epoch
        )
        self._metadata = (("authorization", f"Bearer {token}"),)


@dataclass
class Desk:
    """Calls to the running toolbox."""

    stub: Any
    issuer: TokenIssuer
    version: int
    pids: Mapping[str, int]

    def turns(self) -> Turns:
        """Turns of a new session."""
        return Turns(self.issuer, self.version)

    async def execute(self, turn: Turn, tool: str, order: str) -> tool_pb2.ToolResult:
        """The result of one call."""
        context, metadata = turn
        call = tool_pb2.ToolCall(tool_name=tool, arguments_json=f'{{"order_id":"{order}"}}')
        request = pb.ExecuteRequest(context=context, call=call)
        last: Any = None
        async for event in self.stub.Execute(request, timeout=_TIMEOUT_S, metadata=metadata):
            last = event
        result: tool_pb2.ToolResult = last.result
        return result


@asynccontextmanager
async def running(home: Path, provider_url: str, provider_pid: int) -> AsyncIterator[Desk]:
    """A toolbox in `home` that calls the provider."""
    options = mesh.Options(
        services=("config_watcher", "toolbox"),
        env={"toolbox": {"FOCAL_TOOLBOX__VARIABLES__BENCH_PROVIDER_URL": provider_url}},
        policy=keeper.Policy(auto_restart=False, steady_after_s=0),
    )
    async with mesh.LocalMesh(home, options) as local:
        connection = Connection(local.record(), local.keys, TENANT)
        await admin.ensure_tenant(connection)
        version = await admin.publish_to_end(connection, _sources())
        async with grpc.aio.insecure_channel(local.target("toolbox")) as channel:
            key = load_pem_private_key(local.keys.internal.private.read_bytes(), None)
            assert isinstance(key, Ed25519PrivateKey)
            issuer = TokenIssuer("pipeline", key, 600)
            pids = {**local.record().pids, "provider": provider_pid}
            yield Desk(ToolboxServiceStub(channel), issuer, version, pids)


def _sources() -> list[version_pb2.SourceFile]:
    return [
        version_pb2.SourceFile(path="agent.yaml", content=_AGENT),
        version_pb2.SourceFile(path="tools.yaml", content=_TOOLS),
    ]
