"""The services a gateway calls, as small servers that speak the contract: scripted pipeline, fence, memory, config."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from focal.config.v1 import config_watcher_service_pb2 as config_pb
from focal.config.v1 import config_watcher_service_pb2_grpc as config_api
from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as memory_pb
from focal.memory.v1 import memory_service_pb2_grpc as memory_api
from focal.pipeline.v1 import pipeline_service_pb2 as pipeline_pb
from focal.pipeline.v1 import pipeline_service_pb2_grpc as pipeline_api
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as toolbox_pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as toolbox_api
from focal.turn.v1 import event_pb2, session_pb2, turn_pb2
from focal_kernel import errors
from focal_turn_gateway import app
from focal_turn_gateway.settings import TurnGatewaySettings
from tests.fakes import in_process


@dataclass
class Run:
    """One RunTurn as a script sees it."""

    start: turn_run_pb2.TurnStart
    incoming: AsyncIterator[pipeline_pb.RunTurnRequest]
    say: Callable[[pipeline_pb.RunTurnResponse], Awaitable[None]]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.start.messages]

    async def pending(self) -> list[str]:
        """Ids of the next messages that the gateway states."""
        async for request in self.incoming:
            if request.WhichOneof("frame") == "pending":
                return [message.message_id for message in request.pending.messages]
        raise AssertionError("the gateway closed its side")

    async def stored(self) -> str:
        """Name of the next artifact that the gateway acknowledges."""
        async for request in self.incoming:
            if request.WhichOneof("frame") == "artifact_stored":
                return request.artifact_stored.name
        raise AssertionError("the gateway closed its side")

    async def decide(self, action: event_pb2.SupersedeAction.ValueType, message_ids: list[str]) -> None:
        await self.say(
            pipeline_pb.RunTurnResponse(
                decision=turn_run_pb2.SupersedeDecision(
                    action=action,
                    interrupt_point=event_pb2.INTERRUPT_POINT_PHASE_BOUNDARY,
                    reason="scripted",
                    message_ids=message_ids,
                )
            )
        )

    async def answer(self, text: str | None = None) -> None:
        """Answer all messages of the start: their texts joined by `+` unless `text` is given."""
        state = session_pb2.SessionState(turn_index=self.start.session.state.turn_index + 1)
        await self.say(
            pipeline_pb.RunTurnResponse(
                result=turn_run_pb2.TurnResult(
                    answered_message_ids=[message.message_id for message in self.start.messages],
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
):
    """All four peers. `script` answers turns; `starts`, `fences` and `episodes` note what the gateway asked."""

    script: Script = echo
    agents: set[str] = field(default_factory=lambda: {"desk"})
    starts: list[turn_run_pb2.TurnStart] = field(default_factory=list)
    fences: list[toolbox_pb.FenceRequest] = field(default_factory=list)
    episodes: dict[str, episode_pb2.Episode] = field(default_factory=dict)

    async def RunTurn(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        incoming = aiter(request_iterator)
        start = (await anext(incoming)).start
        self.starts.append(start)
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

    async def Fence(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.fences.append(request)
        return toolbox_pb.FenceResponse(epoch=request.epoch)

    async def AddEpisodes(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        async for request in request_iterator:
            self.episodes[request.episode.episode_id] = request.episode
        return memory_pb.AddEpisodesResponse()

    async def GetPointer(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.agent_id not in self.agents:
            raise errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        return config_pb.GetPointerResponse()


@asynccontextmanager
async def gateways(
    peers: Peers, database: str, redis_url: str, *, count: int = 1, **sections: Any
) -> AsyncIterator[list[in_process.Running]]:
    """`count` gateways on one database with their peers; `sections` replace sections of their settings."""
    deployment = in_process.Deployment()
    registrars: dict[str, Callable[[Any, Any], None]] = {
        "pipeline": pipeline_api.add_PipelineServiceServicer_to_server,
        "toolbox": toolbox_api.add_ToolboxServiceServicer_to_server,
        "memory": memory_api.add_MemoryServiceServicer_to_server,
        "config_watcher": config_api.add_ConfigWatcherServiceServicer_to_server,
    }
    async with AsyncExitStack() as stack:
        targets = {}
        for name, register in registrars.items():

            async def build(host: Any, register: Callable[[Any, Any], None] = register) -> None:
                register(peers, host.server)

            running = await stack.enter_async_context(in_process.serving(name, build, deployment=deployment))
            targets[name] = running.target
        chosen = TurnGatewaySettings.model_validate(
            {
                "grpc": {"listen": "127.0.0.1:0"},
                "metrics": {"listen": ""},
                "drain": {"grace_s": 0.2},
                "postgres": {"url": database},
                "redis": {"url": redis_url},
                "peers": targets,
                "accumulation": {"mode": "off"},
                **sections,
            }
        )
        started = []
        for _ in range(count):

            async def build_gateway(host: Any) -> None:
                await app.build(chosen, host)

            started.append(
                await stack.enter_async_context(
                    in_process.serving("turn_gateway", build_gateway, deployment=deployment, chosen=chosen)
                )
            )
        yield started
