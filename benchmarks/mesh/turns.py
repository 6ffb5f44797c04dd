"""The mesh under load: one turn per exchange, over real gRPC, against a model double that answers at once."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio

from benchmarks.mesh import agent, cpu, load
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal.turn.v1 import turn_gateway_service_pb2_grpc as api
from focal_cli import admin
from focal_cli.connection import Connection
from focal_cli.local import keeper, mesh

TENANT = "bench"
OFFLINE = "offline"
UNLIMITED = {"FOCAL_TURN_GATEWAY__RATES__ENABLED": "false"}
"""A closed loop sends what its customers could not type."""
_DOUBLE = Path("tests/doubles/openai_server.py")
_TIMEOUT_S = 30.0


@dataclass
class Measured:
    """One load with what it cost; `cpu_ms` is per turn and process."""

    rules: int
    model: str
    load: load.Load
    cpu_ms: Mapping[str, float]
    llm_calls: float
    prompt_characters: float
    first_text_ms: list[float] = field(default_factory=list)


@dataclass
class Bench:
    """A running mesh with the bench agent published."""

    local: mesh.LocalMesh
    connection: Connection
    pids: Mapping[str, int]
    model: str

    async def publish(self, rules: int) -> None:
        """Make the agent with `rules` rules current."""
        await admin.publish_to_end(self.connection, agent.sources(rules))

    async def measure(self, *, rules: int, sessions: int, seconds: float) -> Measured:
        """Turns of `sessions` new sessions at once."""
        run, calls, characters = secrets.token_hex(4), [], []
        async with grpc.aio.insecure_channel(self.local.target("turn_gateway")) as channel:
            send = api.TurnGatewayServiceStub(channel).SendMessage
            metadata = (("authorization", f"Bearer {self.connection.token()}"),)

            async def one_turn(session: int, number: int) -> None:
                request = pb.SendMessageRequest(
                    address=_address(f"{run}-{session}"),
                    content=pb.MessageContent(text=agent.QUESTION.format(number=number)),
                )
                answer = await send(request, timeout=_TIMEOUT_S, metadata=metadata)
                calls.append(answer.turn.usage.llm_calls)
                characters.append(answer.turn.usage.prompt_characters)

            before = cpu.seconds(self.pids)
            done = await load.run(one_turn, sessions=sessions, seconds=seconds)
            used = cpu.per_exchange_ms(before, cpu.seconds(self.pids), len(calls))
        return Measured(
            rules, self.model, done, used, sum(calls) / len(calls), sum(characters) / len(characters)
        )

    async def first_texts(self, turns: int) -> list[float]:
        """Milliseconds from a message to the first text of its reply, one session, one turn after the
        other.
        """
        async with grpc.aio.insecure_channel(self.local.target("turn_gateway")) as channel:
            metadata = (("authorization", f"Bearer {self.connection.token()}"),)
            call = api.TurnGatewayServiceStub(channel).Converse(metadata=metadata)
            setup = pb.ConverseSetup(address=_address(secrets.token_hex(4)))
            await call.write(pb.ConverseRequest(setup=setup))
            waits = [await _first_text(call, number) for number in range(turns)]
            call.cancel()
            return waits


@asynccontextmanager
async def running(
    home: Path, *, with_model: bool, gateway: Mapping[str, str] = UNLIMITED, restart: bool = False
) -> AsyncIterator[Bench]:
    """A mesh in `home` with accumulation off, answering with the model double or with the offline model;
    `gateway` are further settings of the gateway; with `restart` what crashes is started again.
    """
    async with _double() if with_model else _nothing() as (double_env, double_pids):
        options = mesh.Options(
            env={
                "turn_gateway": {"FOCAL_TURN_GATEWAY__ACCUMULATION__MODE": "off", **gateway},
                "pipeline": double_env,
            },
            policy=keeper.Policy(auto_restart=restart, steady_after_s=0),
        )
        async with mesh.LocalMesh(home, options) as local:
            connection = Connection(local.record(), local.keys, TENANT)
            await admin.ensure_tenant(connection)
            pids = {**local.record().pids, **double_pids}
            yield Bench(local, connection, pids, "double" if with_model else OFFLINE)


@asynccontextmanager
async def _nothing() -> AsyncIterator[tuple[dict[str, str], dict[str, int]]]:
    yield {}, {}


@asynccontextmanager
async def _double() -> AsyncIterator[tuple[dict[str, str], dict[str, int]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_DOUBLE),
        "--port",
        "0",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    try:
        assert process.stdout is not None
        base_url = (await process.stdout.readline()).decode().strip()
        env = {"FOCAL_LLM_BASE_URL": base_url, "FOCAL_LLM_API_KEY": "bench", "FOCAL_LLM_MODEL": "double"}
        yield env, {"model double": process.pid}
    finally:
        process.terminate()
        await process.wait()


def _address(user: str) -> pb.Address:
    return pb.Address(agent_id=agent.AGENT_ID, channel="web", channel_user_id=user)


async def _first_text(
    call: grpc.aio.StreamStreamCall[pb.ConverseRequest, pb.ConverseResponse], number: int
) -> float:
    content = pb.MessageContent(text=agent.QUESTION.format(number=number))
    began, first = time.perf_counter(), 0.0
    await call.write(pb.ConverseRequest(message=pb.ConverseMessage(content=content)))
    while True:
        frame = await call.read()
        assert isinstance(frame, pb.ConverseResponse), "the stream ended"
        if not first and frame.HasField("text_delta"):
            first = time.perf_counter() - began
        if frame.event.HasField("turn_completed"):
            return (first or time.perf_counter() - began) * 1000
