"""What a pipeline calls, as small servers that speak the contract, and a gateway's side of RunTurn."""

# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from focal.config.v1 import bundle_pb2
from focal.config.v1 import config_watcher_service_pb2 as config_pb
from focal.config.v1 import config_watcher_service_pb2_grpc as config_api
from focal.memory.v1 import episode_pb2
from focal.memory.v1 import memory_service_pb2 as memory_pb
from focal.memory.v1 import memory_service_pb2_grpc as memory_api
from focal.pipeline.v1 import pipeline_service_pb2 as pb
from focal.pipeline.v1 import turn_run_pb2
from focal.pipeline.v1.pipeline_service_pb2_grpc import PipelineServiceStub
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as toolbox_pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as toolbox_api
from focal.turn.v1 import message_pb2, session_pb2, turn_pb2
from focal_kernel import errors, ids
from focal_pipeline import app
from focal_pipeline.settings import PipelineSettings
from focal_service_kit.host import Host
from tests.fakes import in_process
from tests.fakes.compiled_bundle import compiled

TENANT, AGENT = "acme", "returns_desk"
CHUNK_BYTES = 4096
CALL_S = 10.0


class ConfigWatcher(config_api.ConfigWatcherServiceServicer):
    """Serves compiled bundles of one agent; counts what it was asked for."""

    def __init__(self) -> None:
        self.versions: list[Any] = []
        self.fetched: list[int] = []
        self.watchers: list[asyncio.Queue[bundle_pb2.BundlePointer]] = []

    def publish(self, bundle: Any) -> None:
        """The next version, current at once."""
        self.versions.append(bundle)
        for watcher in self.watchers:
            watcher.put_nowait(self._pointer(len(self.versions)))

    async def GetBundle(self, request: Any, context: Any) -> AsyncIterator[Any]:
        version = request.version or len(self.versions)
        if request.agent_id != AGENT or not self.versions:
            raise errors.NotFound("AGENT_NOT_FOUND", "no such agent")
        if version > len(self.versions):
            raise errors.NotFound("VERSION_NOT_FOUND", "no such version")
        self.fetched.append(version)
        bundle = self.versions[version - 1]
        yield config_pb.GetBundleResponse(manifest=self._manifest(version, bundle))
        for name, content in bundle.parts.items():
            for start in range(0, len(content), CHUNK_BYTES):
                data = content[start : start + CHUNK_BYTES]
                yield config_pb.GetBundleResponse(chunk=config_pb.BundleChunk(part=name, data=data))

    async def WatchBundles(self, request: Any, context: Any) -> AsyncIterator[Any]:
        queue: asyncio.Queue[bundle_pb2.BundlePointer] = asyncio.Queue()
        self.watchers.append(queue)
        try:
            if self.versions:
                yield config_pb.WatchBundlesResponse(pointer=self._pointer(len(self.versions)))
            yield config_pb.WatchBundlesResponse(snapshot_end=config_pb.SnapshotEnd())
            while True:
                yield config_pb.WatchBundlesResponse(pointer=await queue.get())
        finally:
            self.watchers.remove(queue)

    def _manifest(self, version: int, bundle: Any) -> bundle_pb2.BundleManifest:
        return bundle_pb2.BundleManifest(
            pointer=self._pointer(version),
            parts=[
                bundle_pb2.BundlePart(
                    name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest()
                )
                for name, content in bundle.parts.items()
            ],
            embedding_model=bundle.embedding_model,
            embedding_dimensions=bundle.embedding_dimensions,
        )

    def _pointer(self, version: int) -> bundle_pb2.BundlePointer:
        return bundle_pb2.BundlePointer(tenant_id=TENANT, agent_id=AGENT, version=version)


ORDER = {"order": "10003", "status": "delivered", "total": "59.90", "currency": "EUR"}
RESULTS: Mapping[str, Any] = {
    "get_order": ORDER,
    "trace_parcel": ORDER,
    "create_return_label": {"label": "RL-10003", "carrier": "Parcel Post"},
    "refund_order": {"refund_id": "rf_1", "amount": "59.90"},
}


class Toolbox(toolbox_api.ToolboxServiceServicer):
    """Answers each tool as scripted; `held` tools wait for their event after they started."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.confirmed: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.reached: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.cancelled: list[str] = []
        self.before: Callable[[Any], None] = lambda _request: None

    def names(self) -> list[str]:
        """The tools called, in order."""
        return [request.call.tool_name for request in self.calls]

    async def Confirm(self, request: Any, context: Any) -> Any:
        """A yes lets every tool pass from now on."""
        self.confirmed.append(request)
        answer = self.answers.pop("Confirm", None)
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "scripted")
        if request.accepted:
            self.answers.clear()
        return toolbox_pb.ConfirmResponse()

    async def Execute(self, request: Any, context: Any) -> AsyncIterator[Any]:
        name = request.call.tool_name
        self.before(request)
        self.calls.append(request)
        pure = name in {"get_order", "trace_parcel"}
        effect_id = "" if pure else f"eff_{name}"
        started = toolbox_pb.ToolStarted(tool_name=name, effect_id=effect_id)
        yield toolbox_pb.ExecuteResponse(started=started)
        self.reached[name].set()
        try:
            if name in self.held:
                await self.held[name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        answer = self.answers.get(name, {})
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "scripted")
        if isinstance(answer, Exception):
            raise answer
        yield toolbox_pb.ExecuteResponse(result=self._result(name, effect_id, answer))

    def _result(self, name: str, effect_id: str, answer: Mapping[str, Any]) -> tool_pb2.ToolResult:
        fields = {
            "status": tool_pb2.TOOL_STATUS_SUCCESS,
            "result_json": json.dumps(RESULTS.get(name, {})),
            "commit_point_reached": name == "refund_order",
            **answer,
        }
        if fields["status"] not in {tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_CACHED}:
            fields["result_json"] = ""
        return tool_pb2.ToolResult(tool_name=name, effect_id=effect_id, **fields)


class Memory(memory_api.MemoryServiceServicer):
    """Recalls what `said` holds."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.queries: list[Any] = []
        self.slow_s = 0.0
        self.down = False

    async def Recall(self, request: Any, context: Any) -> Any:
        self.queries.append(request)
        await asyncio.sleep(self.slow_s)
        if self.down:
            raise errors.Unavailable("DEPENDENCY_UNAVAILABLE", "scripted")
        return memory_pb.RecallResponse(
            episodes=[
                episode_pb2.RecalledEpisode(
                    episode=episode_pb2.Episode(content=text, source=episode_pb2.EPISODE_SOURCE_USER)
                )
                for text in self.said
            ]
        )


@dataclass
class Attempt:
    """One RunTurn as the gateway sees it."""

    call: Any
    start: turn_run_pb2.TurnStart
    frames: list[pb.RunTurnResponse] = field(default_factory=list)
    acknowledges: bool = True
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def finish(self) -> Attempt:
        """Read to the end, acknowledging the artifacts that the pipeline waits for; about others a word could
        come too late.
        """
        async for frame in self.call:
            self.frames.append(frame)
            self.arrived.set()
            if frame.artifact.acknowledge and self.acknowledges:
                await self.stored(frame.artifact.name)
        return self

    async def stored(self, name: str) -> None:
        """Say that an artifact is durable."""
        await self.call.write(pb.RunTurnRequest(artifact_stored=turn_run_pb2.ArtifactStored(name=name)))

    async def state(self, *texts: str) -> list[str]:
        """State pending messages; returns their ids."""
        waiting = [message(text) for text in texts]
        frame = turn_run_pb2.PendingMessages(messages=waiting)
        await self.call.write(pb.RunTurnRequest(pending=frame))
        return [each.message_id for each in waiting]

    def of(self, kind: str) -> list[Any]:
        """The frames of one kind, unpacked."""
        return [getattr(f, kind) for f in self.frames if f.WhichOneof("frame") == kind]

    @property
    def result(self) -> turn_run_pb2.TurnResult:
        """The result; an assertion when the attempt ended without one."""
        assert self.frames, "no frame arrived"
        assert self.frames[-1].WhichOneof("frame") == "result", self.frames[-1]
        return self.frames[-1].result

    @property
    def reply(self) -> str:
        """The reply's text."""
        return "\n".join(segment.text for segment in self.result.reply)

    @property
    def shown(self) -> str:
        """All live text."""
        return "".join(text.text for text in self.of("text"))

    def events(self, name: str = "") -> list[Any]:
        """Payloads of events called `category.type`; all names when none is given."""
        found = [(f"{event.category}.{event.type}", event) for event in self.of("event")]
        if not name:
            return [called for called, _ in found]
        return [json.loads(event.payload_json) for called, event in found if called == name]


def message(text: str) -> message_pb2.Message:
    return message_pb2.Message(message_id=ids.new_id("msg"), text=text)


@dataclass
class Customer:
    """A session from the gateway's side: keeps the committed state and version between turns."""

    mesh: Mesh
    session_id: str = field(default_factory=lambda: ids.new_id("ses"))
    state: session_pb2.SessionState = field(default_factory=session_pb2.SessionState)
    version: int = 0
    epoch: int = 0

    async def say(self, *texts: str, **start: Any) -> Attempt:
        """A whole turn, committed."""
        attempt = await (await self.begin(*texts, **start)).finish()
        self.commit(attempt)
        return attempt

    async def begin(self, *texts: str, **start: Any) -> Attempt:
        """An attempt whose frames nobody reads yet."""
        return await self.attempt(self.start(*texts, **start))

    def start(self, *texts: str, **fields: Any) -> turn_run_pb2.TurnStart:
        """The first frame of a new turn; `fields` replace its fields."""
        self.epoch += 1
        return turn_run_pb2.TurnStart(
            **{
                "turn_id": ids.new_id("trn"),
                "turn_group_id": ids.new_id("grp"),
                "attempt": 1,
                "epoch": self.epoch,
                "cause": turn_pb2.TURN_CAUSE_MESSAGE,
                "messages": [message(text) for text in texts],
                "session": turn_run_pb2.SessionSnapshot(
                    session_id=self.session_id,
                    agent_id=AGENT,
                    customer_id="cus_1",
                    channel="web",
                    config_version=self.version,
                    state=self.state,
                ),
                "wants_text_deltas": True,
                **fields,
            }
        )

    async def attempt(self, start: turn_run_pb2.TurnStart) -> Attempt:
        """Run one attempt with this first frame."""
        call = self.mesh.stub(start).RunTurn(timeout=CALL_S)
        await call.write(pb.RunTurnRequest(start=start))
        return Attempt(call, start)

    def commit(self, attempt: Attempt) -> None:
        """Make the staged state real."""
        self.state = attempt.result.mutations.state
        self.version = attempt.result.config_version


@dataclass
class Mesh:
    """A pipeline with its peers."""

    running: in_process.Running
    config: ConfigWatcher
    toolbox: Toolbox
    memory: Memory
    peers: Mapping[str, AsyncExitStack]

    def stub(self, start: turn_run_pb2.TurnStart | None = None) -> Any:
        """A client with the token the gateway mints for an attempt."""
        bound: dict[str, Any] = (
            {} if start is None else {"session_id": start.session.session_id, "epoch": start.epoch}
        )
        token = self.running.deployment.internal_token(
            "pipeline", "toolbox", "memory", tenant_id=TENANT, **bound
        )
        return PipelineServiceStub(self.running.channel(token))

    def customer(self) -> Customer:
        """A new session."""
        return Customer(self)

    async def stop(self, peer: str) -> None:
        """End one of the peers."""
        await self.peers[peer].aclose()


@asynccontextmanager
async def mesh(*, bundle: Any = None, **sections: Any) -> AsyncIterator[Mesh]:
    """A pipeline that serves the example agent; `sections` replace sections of its settings."""
    config, toolbox, memory = ConfigWatcher(), Toolbox(), Memory()
    config.publish(bundle or await compiled())
    registrars: dict[str, tuple[Callable[[Any, Any], None], Any]] = {
        "config_watcher": (config_api.add_ConfigWatcherServiceServicer_to_server, config),
        "toolbox": (toolbox_api.add_ToolboxServiceServicer_to_server, toolbox),
        "memory": (memory_api.add_MemoryServiceServicer_to_server, memory),
    }
    deployment = in_process.Deployment()
    async with AsyncExitStack() as stack:
        targets, peers = {}, {}
        for name, (register, servicer) in registrars.items():

            async def build(host: Host, register: Any = register, servicer: Any = servicer) -> None:
                register(servicer, host.server)

            peers[name] = await stack.enter_async_context(AsyncExitStack())
            running = await peers[name].enter_async_context(
                in_process.serving(name, build, deployment=deployment)
            )
            targets[name] = running.target
        yield Mesh(
            await stack.enter_async_context(_pipeline(targets, deployment, sections)),
            config,
            toolbox,
            memory,
            peers,
        )


@asynccontextmanager
async def _pipeline(
    targets: Mapping[str, str], deployment: in_process.Deployment, sections: Mapping[str, Any]
) -> AsyncIterator[in_process.Running]:
    chosen = PipelineSettings.model_validate(
        {
            "grpc": {"listen": "127.0.0.1:0"},
            "metrics": {"listen": ""},
            "drain": {"grace_s": 0.2},
            "peers": targets,
            "memory": {"timeout_s": 2},
            **sections,
        }
    )

    async def build(host: Host) -> None:
        await app.build(chosen, host)

    async with in_process.serving("pipeline", build, deployment=deployment, chosen=chosen) as running:
        yield running
