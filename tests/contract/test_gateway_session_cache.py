"""Sessions that are read often come from Valkey, and never older than their reader has seen."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio

from focal.turn.v1 import session_pb2, turn_pb2
from focal.turn.v1 import session_service_pb2 as session_pb
from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_cli.local import children, ports, valkey
from tests.fakes import gateway_calls as calls
from tests.fakes.gateway_calls import refused, send
from tests.fakes.gateway_peers import Peers, Run, gateways
from tests.fakes.in_process import Running
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def read(gateway: Running, session_id: str, seen: int | None) -> session_pb2.Session:
    request = session_pb.GetSessionRequest(session_id=session_id, seen_offset=seen)
    answer: session_pb.GetSessionResponse = await calls.sessions(gateway).GetSession(request, timeout=10)
    return answer.session


class Entry:
    """A session's entry in Valkey."""

    def __init__(self, url: str, session_id: str) -> None:
        self.client: Any = redis.asyncio.Redis.from_url(url)
        self.key = f"session:acme:{session_id}"

    async def mark(self, **fields: Any) -> None:
        """Put something into the entry that only readers of it see."""
        entry = json.loads(await self.client.get(self.key))
        await self.client.set(self.key, json.dumps({**entry, **fields}))


async def said(gateway: Running, text: str = "hello") -> tuple[str, int]:
    """A conversation after one more turn: its session and the offset of its latest event."""
    session_id = (await calls.stub(gateway).SendMessage(send(text), timeout=20)).session_id
    return session_id, (await read(gateway, session_id, None)).last_offset


async def test_a_session_read_again_comes_from_the_cache(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, count=2) as [one, two]:
        session_id, offset = await said(one)
        first = await read(one, session_id, offset)
        entry = Entry(redis_url, session_id)
        assert 0 < await entry.client.pttl(entry.key) <= 30_000
        await entry.mark(customer_id="from_the_cache")
        for gateway in (one, two):
            assert (await read(gateway, session_id, offset)).customer_id == "from_the_cache"
            assert await read(gateway, session_id, None) == first, "the present is not in a cache"


async def test_no_entry_is_older_than_what_its_reader_has_seen(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url, count=2) as [commits, reads]:
        session_id, offset = await said(commits)
        await read(reads, session_id, offset)
        for number in range(2, 8):
            _, offset = await said(commits)
            seen = await read(reads, session_id, offset)
            assert (seen.turn_count, seen.last_offset) == (number, offset)
        edit = session_pb.UpdateSessionRequest(session_id=session_id, variables_json={"a": "1"})
        admin = commits.deployment.tenant_token(roles=["admin"])
        edited = (await calls.sessions(commits, admin).UpdateSession(edit, timeout=10)).session
        assert await read(reads, session_id, edited.last_offset) == edited
        end = session_pb.EndSessionRequest(session_id=session_id)
        ended = (await calls.sessions(commits).EndSession(end, timeout=10)).session
        assert await read(reads, session_id, ended.last_offset) == ended


async def test_a_late_write_of_an_old_entry_does_no_harm(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        session_id, offset = await said(gateway)
        await read(gateway, session_id, offset)
        entry = Entry(redis_url, session_id)
        old = await entry.client.get(entry.key)
        _, offset = await said(gateway)
        await read(gateway, session_id, offset)
        await entry.client.set(entry.key, old)
        assert (await read(gateway, session_id, offset)).turn_count == 2
        await entry.client.set(entry.key, b'{"from": "another release"}')
        assert (await read(gateway, session_id, offset)).turn_count == 2


async def test_a_flushed_cache_is_filled_again(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        session_id, offset = await said(gateway)
        before = await read(gateway, session_id, offset)
        entry = Entry(redis_url, session_id)
        await entry.client.flushdb()
        assert await read(gateway, session_id, offset) == before
        assert await entry.client.exists(entry.key)
        _, offset = await said(gateway)
        assert (await read(gateway, session_id, offset)).turn_count == 2


async def test_nobody_reads_another_tenants_entry(database: str, redis_url: str) -> None:
    async with gateways(Peers(), database, redis_url) as [gateway]:
        session_id, offset = await said(gateway)
        await read(gateway, session_id, offset)
        foreign = gateway.deployment.tenant_token("umbrella")
        turns = session_pb.ListTurnsRequest(session_id=session_id)
        asked = session_pb.GetSessionRequest(session_id=session_id, seen_offset=0)
        watch = calls.stub(gateway, foreign).WatchSession(pb.WatchSessionRequest(session_id=session_id))
        sessions = calls.sessions(gateway, foreign)
        messages = session_pb.ListMessagesRequest(session_id=session_id)
        listed = (sessions.ListTurns(turns), sessions.ListMessages(messages))
        for call in (sessions.GetSession(asked), *listed, watch):
            assert (await refused(call))[1].reason == "SESSION_NOT_FOUND"
        asked.seen_offset = -1
        assert (await refused(calls.sessions(gateway).GetSession(asked)))[1].reason == "INVALID_FIELD"


@pytest.fixture
def mortal(servers_folder: Path) -> Iterator[tuple[str, children.Child]]:
    """A Valkey of this test's own: its URL and its process."""
    store, port = valkey.prepare(servers_folder / "mortal"), ports.choose()[0]
    with (servers_folder / "mortal.log").open("wb") as log:
        child = children.start(store.command(port, durable=False), log)
    deadline = time.monotonic() + 30
    while not store.is_ready(port):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield store.url(port), child
    child.send(signal.SIGKILL)


async def test_without_valkey_sessions_are_read_from_the_store_at_once(
    database: str, mortal: tuple[str, children.Child]
) -> None:
    url, child = mortal
    async with gateways(Peers(), database, url) as [gateway]:
        session_id, offset = await said(gateway)
        await read(gateway, session_id, offset)
        child.send(signal.SIGKILL)
        began = time.monotonic()
        for _ in range(20):
            assert (await read(gateway, session_id, offset)).turn_count == 1
        assert time.monotonic() - began < 5
        _, offset = await said(gateway)
        assert (await read(gateway, session_id, offset)).turn_count == 2


# Fails what changes something that readers see of a session without a new event in the same transaction.
_WATCHED = (
    """
    CREATE FUNCTION turns.check_offset() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF (SELECT event_offset FROM turns.sessions WHERE session_id = NEW.session_id) = OLD.event_offset THEN
        RAISE EXCEPTION 'a session changed and its offset did not';
      END IF;
      RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER check_offset AFTER UPDATE ON turns.sessions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((OLD.state, OLD.edits, OLD.epoch, OLD.turn_count, OLD.config_version, OLD.updated_at,
                        OLD.ended_at, OLD.customer_id, OLD.state_version)
      IS DISTINCT FROM (NEW.state, NEW.edits, NEW.epoch, NEW.turn_count, NEW.config_version, NEW.updated_at,
                        NEW.ended_at, NEW.customer_id, NEW.state_version))
    EXECUTE FUNCTION turns.check_offset()
    """,
)


async def test_whatever_readers_see_of_a_session_changes_with_its_offset(
    database: str, redis_url: str
) -> None:
    connection = await asyncpg.connect(database)
    for statement in _WATCHED:
        await connection.execute(statement)
    await connection.close()
    released = asyncio.Event()

    async def script(run: Run) -> None:
        if run.texts == ["wait"]:
            await released.wait()
        await run.answer()

    peers = Peers(script)
    async with gateways(peers, database, redis_url) as [gateway]:
        stub = calls.stub(gateway)
        admin = gateway.deployment.tenant_token(roles=["admin"])
        session_id, _ = await said(gateway)
        edit = session_pb.UpdateSessionRequest(session_id=session_id, variables_json={"a": "1"})
        for cancelled in (True, False):
            count = len(peers.starts)
            waiting = asyncio.ensure_future(stub.SendMessage(send("wait"), timeout=20))
            await until(lambda count=count: len(peers.starts) > count, "the turn runs")  # type: ignore[misc]
            await calls.sessions(gateway, admin).UpdateSession(edit, timeout=10)
            if cancelled:
                await stub.CancelTurn(pb.CancelTurnRequest(session_id=session_id), timeout=10)
            else:
                released.set()
            await waiting
        timer = pb.TriggerTurnRequest(
            session_id=session_id, cause=turn_pb2.TURN_CAUSE_TIMER, cause_id="t1", payload_json="{}"
        )
        await stub.TriggerTurn(timer, timeout=10)

        async def three_turns() -> bool:
            return (await read(gateway, session_id, None)).turn_count == 3

        await until(three_turns, "the triggered turn is committed")
        await calls.sessions(gateway).EndSession(
            session_pb.EndSessionRequest(session_id=session_id), timeout=10
        )
