"""The services a gateway calls, as small servers that speak the contract, and gateways between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from focal.config.v1 import config_watcher_service_pb2 as config_pb
from focal.config.v1 import config_watcher_service_pb2_grpc as config_api
from focal.config.v1 import tenant_service_pb2 as tenant_pb
from focal.config.v1 import tenant_service_pb2_grpc as tenant_api
from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as memory_pb
from focal.memory.v1 import memory_service_pb2_grpc as memory_api
from focal.pipeline.v1 import pipeline_service_pb2 as pipeline_pb
from focal.pipeline.v1 import pipeline_service_pb2_grpc as pipeline_api
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as toolbox_pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as toolbox_api
from focal.turn.v1 import event_pb2, session_pb2, turn_pb2
from focal_kernel import errors
from focal_service_kit import identity
from focal_service_kit.host import Host
from focal_turn_gateway import app
from focal_turn_gateway.settings import TurnGatewaySettings
from tests.fakes import in_process


@dataclass
class Run:
    """One RunTurn as a script sees it."""

    start: turn_run_pb2.TurnStart
    incoming: AsyncIterator[pipeline_pb.RunTurnRequest]
    say: Callable[[pipeline_pb.RunTurnResponse], Awaitable[None]]
    passed: list[pipeline_pb.RunTurnRequest] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.start.messages]

    async def pending(self) -> list[str]:
        """Ids of the next messages that the gateway states."""
        return [message.message_id for message in (await self._next("pending")).pending.messages]

    async def stored(self) -> str:
        """Name of the next artifact that the gateway acknowledges."""
        return (await self._next("artifact_stored")).artifact_stored.name

    async def _next(self, kind: str) -> pipeline_pb.RunTurnRequest:
        """The next frame of a kind; those of other kinds that come before are kept for who asks for them."""
        for number, frame in enumerate(self.passed):
            if frame.WhichOneof("frame") == kind:
                return self.passed.pop(number)
        async for frame in self.incoming:
            if frame.WhichOneof("frame") == kind:
                return frame
            self.passed.append(frame)
        raise AssertionError("the gateway closed its side")

    async def decide(
        self,
        action: event_pb2.SupersedeAction.ValueType,
        message_ids: list[str],
        strategy: event_pb2.AbsorbStrategy.ValueType = event_pb2.ABSORB_STRATEGY_UNSPECIFIED,
    ) -> None:
        await self.say(
            pipeline_pb.RunTurnResponse(
                decision=turn_run_pb2.SupersedeDecision(
                    action=action,
                    absorb_strategy=strategy,
                    interrupt_point=event_pb2.INTERRUPT_POINT_PHASE_BOUNDARY,
                    reason="scripted",
                    message_ids=message_ids,
                )
            )
        )

    async def write(self, text: str, sequence: int = 1) -> None:
        """Live text."""
        await self.say(
            pipeline_pb.RunTurnResponse(text=pipeline_pb.RunTurnText(sequence=sequence, text=text))
        )

    async def report(self, payload_json: str = "{}", category: str = "custom", kind: str = "note") -> None:
        """An event of the agent."""
        event = event_pb2.AgentEvent(category=category, type=kind, payload_json=payload_json)
        await self.say(pipeline_pb.RunTurnResponse(event=event))

    async def offer(self, name: str, data_json: str = "{}") -> None:
        """An artifact to store, and the wait for the word that it is."""
        artifact = turn_run_pb2.PhaseArtifact(name=name, data_json=data_json, acknowledge=True)
        await self.say(pipeline_pb.RunTurnResponse(artifact=artifact))
        assert await self.stored() == name

    async def answer(
        self,
        text: str | None = None,
        *further_ids: str,
        hint: session_pb2.AccumulationHint | None = None,
    ) -> None:
        """Answer the messages of the start, and further ones: the former's texts joined by `+`, or `text`."""
        turn_index = self.start.session.state.turn_index + 1
        state = session_pb2.SessionState(turn_index=turn_index, accumulation_hint=hint)
        await self.say(
            pipeline_pb.RunTurnResponse(
                result=turn_run_pb2.TurnResult(
                    answered_message_ids=[
                        *(message.message_id for message in self.start.messages),
                        *further_ids,
                    ],
                    reply=[turn_pb2.ReplySegment(text="+".join(self.texts) if text is None else text)],
                    outcome=turn_pb2.TURN_OUTCOME_RESOLVED,
                    mutations=turn_run_pb2.StagedMutations(state=state),
                    config_version=self.start.session.config_version or 7,
                )
            )
        )


Script = Callable[[Run], Awaitable[None]]


async def echo(run: Run) -> None:
    await run.answer()


@dataclass
class Peers(
    pipeline_api.PipelineServiceServicer,
    toolbox_api.ToolboxServiceServicer,
    memory_api.MemoryServiceServicer,
    config_api.ConfigWatcherServiceServicer,
    tenant_api.TenantServiceServicer,
):
    """All four peers. `script` answers turns, each noticed after `notice_s` seconds; `starts`, `fences` and
    `episodes` note what was asked; `effects` are those of the ledger, `fenced_effects` those that only a
    fence sees. `confirmed` are answers with who brought them, unless they get the `refusal`.
    """

    script: Script = echo
    notice_s: float = 0
    agents: set[str] = field(default_factory=lambda: {"desk"})
    tenants: set[str] = field(default_factory=lambda: {"acme", "umbrella"})
    judgement: pipeline_pb.JudgeInputResponse | None = None
    judged: list[list[str]] = field(default_factory=list)
    starts: list[turn_run_pb2.TurnStart] = field(default_factory=list)
    tier: tenant_pb.TenantTier.ValueType = tenant_pb.TENANT_TIER_FREE
    asked_tiers: list[str] = field(default_factory=list)
    fences: list[toolbox_pb.FenceRequest] = field(default_factory=list)
    episodes: dict[str, episode_pb2.Episode] = field(default_factory=dict)
    effects: list[effect_pb2.Effect] = field(default_factory=list)
    fenced_effects: list[effect_pb2.Effect] = field(default_factory=list)
    confirmed: list[tuple[toolbox_pb.ConfirmRequest, identity.Caller]] = field(default_factory=list)
    refusal: Exception | None = None

    async def RunTurn(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        incoming = aiter(request_iterator)
        start = (await anext(incoming)).start
        self.starts.append(start)
        await asyncio.sleep(self.notice_s)
        await context.send_initial_metadata(())
        frames: asyncio.Queue[Any] = asyncio.Queue()
        scripted = asyncio.create_task(self._play(Run(start, incoming, frames.put), frames))
        try:
            while (frame := await frames.get()) is not None:
                yield frame
            await scripted
        finally:
            scripted.cancel()

    async def _play(self, run: Run, frames: asyncio.Queue[Any]) -> None:
        try:
            await self.script(run)
        finally:
            await frames.put(None)

    async def JudgeInput(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.judged.append(list(request.texts))
        if self.judgement is None:
            raise errors.Unavailable("DEPENDENCY_UNAVAILABLE", "the brain is elsewhere")
        return self.judgement

    async def Fence(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.fences.append(request)
        found = [*self.effects, *self.fenced_effects]
        return toolbox_pb.FenceResponse(epoch=request.epoch, effects=found)

    async def ListEffects(self, request: Any, context: Any) -> Any:  # noqa: N802
        return toolbox_pb.ListEffectsResponse(effects=self.effects)

    async def Confirm(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self.refusal is not None:
            raise self.refusal
        self.confirmed.append((request, identity.current()))
        response = toolbox_pb.ConfirmResponse()
        response.expires_at.FromSeconds(1_900_000_000)
        return response

    async def AddEpisodes(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        async for request in request_iterator:
            self.episodes[request.episode.episode_id] = request.episode
        return memory_pb.AddEpisodesResponse()

    async def GetPointer(self, request: Any, context: Any) -> Any:  # noqa: N802
        if identity.tenant() not in self.tenants:
            raise errors.NotFound("TENANT_NOT_FOUND", "no such tenant")
        if request.agent_id not in self.agents:
            raise errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        return config_pb.GetPointerResponse()

    async def GetTenant(self, request: Any, context: Any) -> Any:  # noqa: N802
        tenant_id = identity.tenant(request.tenant_id)
        self.asked_tiers.append(tenant_id)
        if tenant_id not in self.tenants:
            raise errors.NotFound("TENANT_NOT_FOUND", "no such tenant")
        return tenant_pb.GetTenantResponse(tenant=tenant_pb.Tenant(tenant_id=tenant_id, tier=self.tier))


def _register_config(peers: Any, server: Any) -> None:
    config_api.add_ConfigWatcherServiceServicer_to_server(peers, server)
    tenant_api.add_TenantServiceServicer_to_server(peers, server)


_REGISTER: dict[str, Callable[[Any, Any], None]] = {
    "pipeline": pipeline_api.add_PipelineServiceServicer_to_server,
    "toolbox": toolbox_api.add_ToolboxServiceServicer_to_server,
    "memory": memory_api.add_MemoryServiceServicer_to_server,
    "config_watcher": _register_config,
}


@asynccontextmanager
async def gateways(
    peers: Peers,
    databases: str | Sequence[str],
    redis_url: str,
    *,
    count: int = 1,
    tracer: Any = None,
    **sections: Any,
) -> AsyncIterator[list[in_process.Running]]:
    """Gateways with their peers: `count` on one database URL, or one on each of several URLs that lead to the
    same database. `sections` replace sections of their settings.
    """
    deployment = in_process.Deployment()
    async with AsyncExitStack() as stack:
        targets = {}
        for name, register in _REGISTER.items():
            serving = in_process.serving(name, _peer(peers, register), deployment=deployment)
            targets[name] = (await stack.enter_async_context(serving)).target
        started = []
        for database in [databases] * count if isinstance(databases, str) else databases:
            chosen = _settings(targets, database, redis_url, sections)
            serving = in_process.serving(
                "turn_gateway",
                partial(app.build, chosen),
                deployment=deployment,
                chosen=chosen,
                tracer=tracer,
            )
            started.append(await stack.enter_async_context(serving))
        yield started


def _peer(peers: Peers, register: Callable[[Any, Any], None]) -> Callable[[Host], Awaitable[None]]:
    async def build(host: Host) -> None:
        register(peers, host.server)

    return build


def _settings(
    targets: dict[str, str], database: str, redis_url: str, sections: dict[str, Any]
) -> TurnGatewaySettings:
    return TurnGatewaySettings.model_validate(
        {
            "grpc": {"listen": "127.0.0.1:0"},
            "metrics": {"listen": ""},
            "drain": {"grace_s": 0.2},
            "postgres": {"url": database},
            "redis": {"url": redis_url},
            "peers": targets,
            "accumulation": {"mode": "off"},
            "rates": {"enabled": False},
            **sections,
        }
    )
