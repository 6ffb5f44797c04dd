"""A toolbox in the test's own loop: its real app on real PostgreSQL, with a bundle of the test's tools."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_kernel import ids
from focal_service_kit import postgres, settings
from focal_toolbox import app
from focal_toolbox.settings import ToolboxSettings
from tests.fakes import in_process
from tests.fakes.published_tools import AGENT, PublishedTools

if TYPE_CHECKING:
    from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceAsyncStub

TENANT = "acme"
PURE, IDEMPOTENT, COMPENSATABLE, IRREVERSIBLE = (
    policies.SIDE_EFFECT_POLICY_PURE,
    policies.SIDE_EFFECT_POLICY_IDEMPOTENT,
    policies.SIDE_EFFECT_POLICY_COMPENSATABLE,
    policies.SIDE_EFFECT_POLICY_IRREVERSIBLE,
)
CALL_S = 15.0
"""No call of a test takes longer, unless something is wrong."""

FAST: dict[str, Any] = {
    "retry": {"requests": 3, "first_pause_ms": 5, "longest_pause_ms": 20},
    "instance": {"heartbeat_s": 0.1, "sweep_s": 0.1},
    "execution": {"timeout_s": 5, "poll_s": 0.02, "drain_s": 5},
    "asynchronous": {"wait_s": 0.2, "poll_s": 0.02, "sweep_s": 0.1, "follow_up_every_s": 0.1},
    "drain": {"grace_s": 0.2},
    "metrics": {"listen": ""},
    "grpc": {"listen": "127.0.0.1:0"},
    "outbound": {"networks": ("127.0.0.0/8",)},
    # Tests ask about doubts when they want to.
    "check": {"tries": 0, "first_pause_s": 0.02, "longest_pause_s": 0.05, "poll_s": 0.02},
}


def tool(
    name: str,
    policy: Any,
    *,
    keys: Iterable[str] = ("order_id",),
    schema: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    **more: Any,
) -> tool_definition_pb2.ToolDefinition:
    """A tool whose provider is `${PROVIDER}`; its arguments are an order number and an amount."""
    return tool_definition_pb2.ToolDefinition(
        name=name,
        policy=policy,
        provider="http",
        enabled=True,
        business_key_fields=keys,
        parameter_schema_json=json.dumps(SCHEMA if schema is None else schema),
        provider_config_json=json.dumps(config or {"url": "${PROVIDER}/" + name + "/{order_id}"}),
        **more,
    )


SCHEMA = {
    "type": "object",
    "properties": {"order_id": {"type": "string"}, "amount": {"type": "number", "minimum": 0}},
    "required": ["order_id"],
    "additionalProperties": False,
}
TOOLS = (
    tool("look_up", PURE, config={"method": "GET", "url": "${PROVIDER}/orders/{order_id}"}),
    tool("label", IDEMPOTENT),
    tool(
        "reserve",
        COMPENSATABLE,
        compensation_tool="release",
        compensation_arguments={"hold": "result.hold.id"},
    ),
    tool(
        "release",
        IDEMPOTENT,
        schema={"type": "object", "properties": {"order_id": {}, "hold": {}}, "required": ["order_id"]},
    ),
    tool("ship", COMPENSATABLE, compensation_tool="recall"),
    tool("recall", IRREVERSIBLE),
    tool("refund", IRREVERSIBLE),
    tool(
        "pay_out",
        IRREVERSIBLE,
        check_tool="look_up",
        check_arguments={"order_id": "arguments.order_id"},
        check_happened="paid_out",
    ),
)


@dataclass(frozen=True)
class Turn:
    """The attempt that calls are made for."""

    session_id: str = "ses_1"
    turn_id: str = "trn_1"
    turn_group_id: str = "grp_1"
    epoch: int = 1
    no_pending_messages: bool = True

    def context(self, version: int = 1, agent_id: str = AGENT) -> tool_pb2.ToolContext:
        return tool_pb2.ToolContext(
            agent_id=agent_id,
            config_version=version,
            session_id=self.session_id,
            turn_id=self.turn_id,
            turn_group_id=self.turn_group_id,
            epoch=self.epoch,
            customer_id="cus_1",
            no_pending_messages=self.no_pending_messages,
        )


@dataclass
class RunningToolbox:
    """Calls to a running toolbox."""

    running: in_process.Running
    bundles: PublishedTools
    watcher: str
    tenant: str = TENANT
    tier: str = ""

    def stub(self, turn: Turn | None = None) -> ToolboxServiceAsyncStub:
        """Calls as the gateway's attempt, or as a person of the tenant."""
        deployment = self.running.deployment
        token = deployment.tenant_token(self.tenant)
        if turn is not None:
            token = deployment.internal_token(
                "pipeline",
                "toolbox",
                tenant_id=self.tenant,
                session_id=turn.session_id,
                turn_id=turn.turn_id,
                epoch=turn.epoch,
                tier=self.tier,
            )
        stub: Any = ToolboxServiceStub(self.running.channel(token))
        return cast("ToolboxServiceAsyncStub", stub)

    def call(self, name: str, arguments: object, turn: Turn = Turn(), occurrence: int = 0) -> Any:
        """A started Execute call."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        request = pb.ExecuteRequest(
            context=turn.context(),
            call=tool_pb2.ToolCall(tool_name=name, arguments_json=text, occurrence=occurrence),
        )
        return self.stub(turn).Execute(request, timeout=CALL_S)

    async def execute(self, name: str, arguments: object, turn: Turn = Turn(), **more: Any) -> Any:
        """The result of a call."""
        events = [event async for event in self.call(name, arguments, turn, **more)]
        assert events[-1].WhichOneof("event") == "result"
        return events[-1].result

    def batch(self, calls: Iterable[tool_pb2.ToolCall], turn: Turn = Turn()) -> Any:
        """A started ExecuteBatch call."""
        request = pb.ExecuteBatchRequest(context=turn.context(), calls=calls)
        return self.stub(turn).ExecuteBatch(request, timeout=CALL_S)

    async def execute_batch(self, calls: Iterable[tool_pb2.ToolCall], turn: Turn = Turn()) -> list[Any]:
        """The results of a batch, by position."""
        found = {each.index: each.event async for each in self.batch(calls, turn)}
        return [found[index].result for index in sorted(found)]

    def nobody(self) -> ToolboxServiceAsyncStub:
        """Calls without any login."""
        stub: Any = ToolboxServiceStub(self.running.anonymous())
        return cast("ToolboxServiceAsyncStub", stub)

    async def report(self, token: str, **result: Any) -> effect_pb2.Effect:
        """Report a result as a partner does: with nothing but the token."""
        chosen = {"status": tool_pb2.TOOL_STATUS_SUCCESS, **result}
        request = pb.ReportToolResultRequest(token=token, result=tool_pb2.ToolResult(**chosen))
        return (await self.nobody().ReportToolResult(request, timeout=CALL_S)).effect

    async def compensate(self, turn: Turn = Turn(), *effect_ids: str) -> pb.CompensateResponse:
        request = pb.CompensateRequest(context=turn.context(), effect_ids=effect_ids, reason="a test")
        return await self.stub(turn).Compensate(request, timeout=CALL_S)

    def admin(self) -> ToolboxServiceAsyncStub:
        """Calls as a person who may decide about effects."""
        deployment = self.running.deployment
        token = deployment.tenant_token(self.tenant, subject="ada", roles=["admin"])
        stub: Any = ToolboxServiceStub(self.running.channel(token))
        return cast("ToolboxServiceAsyncStub", stub)

    async def resolve(self, effect_id: str, state: Any, **more: Any) -> effect_pb2.Effect:
        """A person's word about an effect."""
        given = {"reason": "seen in the books", "request_id": ids.new_id("req"), **more}
        request = pb.ResolveEffectRequest(effect_id=effect_id, state=state, **given)
        return (await self.admin().ResolveEffect(request, timeout=CALL_S)).effect

    async def check(self, effect_id: str) -> pb.CheckEffectResponse:
        """Ask what became of an effect."""
        return await self.admin().CheckEffect(pb.CheckEffectRequest(effect_id=effect_id), timeout=CALL_S)

    async def fence(self, turn: Turn) -> pb.FenceResponse:
        request = pb.FenceRequest(
            session_id=turn.session_id, epoch=turn.epoch, turn_group_id=turn.turn_group_id
        )
        return await self.stub(turn).Fence(request, timeout=CALL_S)

    async def effects(self, **filters: Any) -> list[effect_pb2.Effect]:
        """The tenant's effects, newest first."""
        response = await self.stub().ListEffects(pb.ListEffectsRequest(**filters), timeout=CALL_S)
        return list(response.effects)

    def metric(self, name: str, **labels: str) -> float:
        return self.running.host.metrics.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def serving(
    database: str,
    provider_url: str,
    *,
    tools: Iterable[tool_definition_pb2.ToolDefinition] = TOOLS,
    deployment: in_process.Deployment | None = None,
    **overrides: dict[str, Any],
) -> AsyncIterator[RunningToolbox]:
    """Start a toolbox; `overrides` are settings by section."""
    deployment = deployment or in_process.Deployment()
    bundles = PublishedTools(tools)
    quiet = settings.ServiceSettings(drain=settings.DrainSettings(grace_s=0.2))
    async with in_process.serving(
        "config_watcher", bundles.build, deployment=deployment, chosen=quiet
    ) as watcher:
        chosen = ToolboxSettings.model_validate(
            {
                **{name: {**FAST.get(name, {}), **overrides.get(name, {})} for name in {*FAST, *overrides}},
                "postgres": {"url": database, "pool_max": 8},
                "peers": {**overrides.get("peers", {}), "config_watcher": watcher.target},
                "variables": {"PROVIDER": provider_url, **overrides.get("variables", {})},
            }
        )
        async with in_process.serving(
            "toolbox",
            lambda host: app.build(chosen, host),
            deployment=deployment,
            chosen=chosen,
            translators=(postgres.translate,),
        ) as running:
            yield RunningToolbox(running, bundles, watcher.target)
