"""Gateways that die, freeze, lose their database or are told to stop, in the middle of a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import grpc
import pytest

from focal.turn.v1 import turn_pb2
from tests.fakes.gateway_calls import refused, send, session_of, stub, submit
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.gateway_wire import wire
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")

QUICK = {"lease_s": 1.0, "heartbeat_s": 0.1, "sweep_s": 0.2}


async def rows(database: str, query: str) -> Sequence[Any]:
    connection = await asyncpg.connect(database)
    try:
        found: Sequence[Any] = await connection.fetch(query)
    finally:
        await connection.close()
    return found


async def turns(database: str) -> list[tuple[str, int]]:
    """Status and attempt of every turn."""
    found = await rows(database, "SELECT status, attempt FROM turns.turns ORDER BY turn_id")
    return [(row["status"], row["attempt"]) for row in found]


class Stuck:
    """A script whose first attempt answers only when let go; `answered` counts attempts that did."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.answered: list[int] = []

    async def __call__(self, run: Run) -> None:
        if run.start.attempt == 1:
            await self.go.wait()
        await run.answer(f"by attempt {run.start.attempt}")
        self.answered.append(run.start.attempt)


async def test_a_gateway_that_dies_is_replaced_and_what_is_left_of_it_commits_nothing(
    database: str, redis_url: str
) -> None:
    script = Stuck()
    peers = Peers(script)
    async with (
        wire(database) as line,
        gateways(peers, [line.url, database], redis_url, engine=QUICK) as [dying, other],
    ):
        await stub(dying).SubmitMessage(submit("hello", "r1"), timeout=10)
        await until(lambda: peers.starts, "the turn runs")
        await line.cut()
        answer = await stub(other).SendMessage(send("hello", "r1"), timeout=10)
        assert (answer.turn.attempt, answer.turn.reply[0].text) == (2, "by attempt 2")
        assert [fence.epoch for fence in peers.fences] == [2]
        await line.mend()
        script.go.set()
        await until(lambda: script.answered == [2, 1], "the first attempt has its result too")
        await until(lambda: not [name for name in _tasks() if name == "listen"], "it is dealt with")
        assert await turns(database) == [("COMPLETE", 2)]
        [session] = await rows(database, "SELECT turn_count, epoch, state FROM turns.sessions")
        assert (session["turn_count"], session["epoch"]) == (1, 2)


async def test_an_overtaken_attempt_cannot_commit_while_its_successor_still_runs(
    database: str, redis_url: str
) -> None:
    turn_over = [asyncio.Event(), asyncio.Event()]
    answered: list[int] = []

    async def script(run: Run) -> None:
        await turn_over[run.start.attempt - 1].wait()
        await run.answer(f"by attempt {run.start.attempt}")
        answered.append(run.start.attempt)

    peers = Peers(script)
    async with (
        wire(database) as line,
        gateways(peers, [line.url, database], redis_url, engine=QUICK) as [overtaken, other],
    ):
        await stub(overtaken).SubmitMessage(submit("hello", "r1"), timeout=10)
        await until(lambda: peers.starts, "the turn runs")
        await line.cut()
        reply = asyncio.ensure_future(stub(other).SendMessage(send("hello", "r1"), timeout=10))
        await until(lambda: len(peers.starts) == 2, "the other gateway has taken over")
        await line.mend()
        turn_over[0].set()
        await until(lambda: answered == [1], "the first attempt has its result")
        await until(lambda: _tasks().count("listen") == 1, "it is dealt with")
        assert await turns(database) == [("PROCESSING", 2)]
        turn_over[1].set()
        assert (await reply).turn.reply[0].text == "by attempt 2"


async def test_a_gateway_that_freezes_is_replaced_and_its_late_commit_is_refused(
    database: str, redis_url: str
) -> None:
    script = Stuck()
    peers = Peers(script)
    async with (
        wire(database) as line,
        gateways(peers, [line.url, database], redis_url, engine=QUICK) as [freezing, other],
    ):
        await stub(freezing).SubmitMessage(submit("hello", "r1"), timeout=10)
        await until(lambda: peers.starts, "the turn runs")
        line.hang()
        script.go.set()  # its commit is on the way and will arrive when it thaws
        answer = await stub(other).SendMessage(send("hello", "r1"), timeout=10)
        assert answer.turn.attempt == 2
        await line.mend()
        again = await stub(freezing).SendMessage(send("hello", "r1"), timeout=10)
        assert again.turn.turn_id == answer.turn.turn_id
        assert again.turn.reply[0].text == "by attempt 2"
        assert await turns(database) == [("COMPLETE", 2)]
        later = await stub(freezing).SendMessage(send("later"), timeout=10)
        assert later.turn.turn_index == 2


async def test_a_message_at_another_gateway_reaches_the_running_turn_by_a_hint(
    database: str, redis_url: str
) -> None:
    told: list[list[str]] = []

    async def script(run: Run) -> None:
        told.append(await run.pending())
        await run.answer(None, *told[0])

    peers = Peers(script)
    patient = {"turns": {"poll_s": 60}, "engine": {"sweep_s": 60}}
    async with gateways(peers, database, redis_url, count=2, **patient) as [here, there]:
        await stub(here).SubmitMessage(submit("warm up Valkey", user="x"), timeout=10)
        first = asyncio.ensure_future(stub(here).SendMessage(send("one"), timeout=10))
        await until(lambda: len(peers.starts) == 2, "the turn runs")
        second = await stub(there).SubmitMessage(submit("two"), timeout=10)
        answer = await first
        assert told == [[second.message_id]]
        assert list(answer.turn.message_ids)[1:] == [second.message_id]


async def test_a_database_that_is_away_is_said_so_and_a_repeat_succeeds(
    database: str, redis_url: str
) -> None:
    async with wire(database) as line, gateways(Peers(), line.url, redis_url) as [gateway]:
        await stub(gateway).SendMessage(send("warm up"), timeout=10)
        await line.cut()
        for call in (
            stub(gateway).SubmitMessage(submit("hello", "r1"), timeout=5),
            stub(gateway).SendMessage(send("hello", "r1"), timeout=5),
        ):
            status, error = await refused(call)
            assert (status, error.reason) == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
            assert error.retry_after_s == 1.0
            assert error.metadata["dependency"] == "postgres"
            assert "asyncpg" not in error.message
        await line.mend()
        answer = await stub(gateway).SendMessage(send("hello", "r1"), timeout=10)
        assert (answer.turn.reply[0].text, answer.duplicate) == ("hello", False)


async def test_a_finished_turn_waits_for_the_database_to_come_back(database: str, redis_url: str) -> None:
    """The pipeline is not asked again for what it has already answered."""
    script = Stuck()
    peers = Peers(script)
    async with wire(database) as line, gateways(peers, line.url, redis_url, engine=QUICK) as [gateway]:
        await stub(gateway).SubmitMessage(submit("hello", "r1"), timeout=10)
        await until(lambda: peers.starts, "the turn runs")
        await line.cut()
        script.go.set()
        await until(lambda: script.answered == [1], "the turn has its result")
        await asyncio.sleep(1.5)  # longer than the lease
        await line.mend()
        answer = await stub(gateway).SendMessage(send("hello", "r1"), timeout=10)
        assert (answer.turn.attempt, len(peers.starts)) == (1, 1)


async def test_a_session_goes_on_after_the_database_came_back(database: str, redis_url: str) -> None:
    async with wire(database) as line, gateways(Peers(), line.url, redis_url, engine=QUICK) as [gateway]:
        for number in range(3):
            await line.drop()
            await asyncio.sleep(0.05)

            async def answered(number: int = number) -> bool:
                try:
                    answer = await stub(gateway).SendMessage(send("hello", f"r{number}"), timeout=5)
                except grpc.aio.AioRpcError:
                    return False
                return bool(answer.turn.reply[0].text == "hello")

            await until(answered, "it is answered", timeout_s=15)
        assert not gateway.host.failed.is_set()


async def test_a_gateway_that_is_told_to_stop_finishes_what_it_has_begun(
    database: str, redis_url: str
) -> None:
    async def script(run: Run) -> None:
        await asyncio.sleep(0.5)
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url, drain={"grace_s": 5}) as [gateway]:
        await stub(gateway).SubmitMessage(submit("hello"), timeout=10)
        await until(lambda: peers.starts, "the turn runs")
    assert await turns(database) == [("COMPLETE", 1)]


async def test_what_does_not_finish_in_time_is_let_go_for_others(database: str, redis_url: str) -> None:
    script = Stuck()
    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        await stub(gateway).SubmitMessage(submit("hello", "r1"), timeout=10)
        await until(lambda: peers.starts, "the turn runs")
    assert await turns(database) == [("PROCESSING", 1)]
    [session] = await rows(database, "SELECT gateway FROM turns.sessions")
    assert session["gateway"] is None
    async with gateways(peers, database, redis_url) as [gateway]:
        answer = await stub(gateway).SendMessage(send("hello", "r1"), timeout=10)
        assert (answer.turn.attempt, answer.turn.status) == (2, turn_pb2.TURN_STATUS_COMPLETE)


async def test_a_message_whose_gateway_died_before_it_woke_anybody_is_answered(
    database: str, redis_url: str
) -> None:
    async with gateways(Peers(), database, redis_url, engine=QUICK) as [gateway]:
        answer = await stub(gateway).SendMessage(send("one"), timeout=10)
        await rows(
            database,
            "WITH s AS (UPDATE turns.sessions SET message_sequence = 2, gateway = 99 RETURNING *)"
            " INSERT INTO turns.messages (message_id, tenant_id, session_id, sequence, content_hash, text,"
            " metadata, provider_message_id, received_at)"
            " SELECT 'msg_lost', tenant_id, session_id, 2, '', 'two', '{}', '', now() FROM s",
        )

        async def answered() -> bool:
            session = await session_of(gateway, answer.session_id)
            return bool(session.turn_count == 2)

        await until(answered, "the sweep finds it")


def _tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks()]
