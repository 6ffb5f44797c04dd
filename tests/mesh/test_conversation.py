"""One conversation over five processes and real gRPC, with the example agent and its real shop."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from focal.config.v1 import version_pb2
from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import turn_pb2
from focal_cli import admin, effect_calls
from focal_cli.demo import example
from focal_client import Accepted, Conversation, Event, FocalClient, Frame, Reply
from focal_kernel import ids
from tests.fakes.until import until
from tests.mesh.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

AGENT, CHANNEL = "returns_desk", "web"
PATIENCE_S = 20.0


@dataclass
class Talk:
    """A conversation and everything that came out of it, in order."""

    conversation: Conversation
    frames: list[Frame] = field(default_factory=list)

    @property
    def replies(self) -> list[Reply]:
        return [frame for frame in self.frames if isinstance(frame, Reply)]

    def events(self, kind: str) -> list[Event]:
        return [frame for frame in self.frames if isinstance(frame, Event) and frame.kind == kind]

    async def ask(self, text: str) -> Reply:
        await self.answered([await self.conversation.say(text)])
        return self.replies[-1]

    async def answered(self, said: Iterable[Accepted]) -> None:
        wanted = {each.message_id for each in said}
        await self.until(lambda: wanted <= {m for reply in self.replies for m in reply.turn.message_ids})

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.frames.append(await anext(aiter(self.conversation)))


@asynccontextmanager
async def talk(
    desk: Desk, *, user: str = "", channel: str = CHANNEL, agent: str = AGENT
) -> AsyncIterator[Talk]:
    async with (
        desk.connection.client() as client,
        client.conversation(agent, channel, user or f"user-{secrets.token_hex(4)}") as conversation,
    ):
        yield Talk(conversation)


async def test_a_burst_becomes_one_turn_with_one_reply(desk: Desk) -> None:
    async with talk(desk) as ada:
        greeting = await ada.conversation.say("Hello!")
        question = await ada.conversation.say("Where is my order 10001?")
        await ada.answered([greeting, question])
    [reply] = ada.replies
    assert list(reply.turn.message_ids) == [greeting.message_id, question.message_id]
    assert "delivered" in reply.text
    assert reply.turn.aggregation_reason == turn_pb2.AGGREGATION_REASON_ADAPTIVE


async def test_a_return_asks_for_a_yes_and_pays_once_however_often_the_yes_is_sent(desk: Desk) -> None:
    order = "10016"
    async with talk(desk) as ben:
        question = await ben.ask(f"I'd like to return order {order}, it arrived broken.")
        assert "79.00 EUR" in question.text
        assert await desk.shop.refunds(order) == 0
        request_id = ids.new_id("yes")
        said = [await ben.conversation.say("Yes, please.", request_id=request_id) for _ in range(3)]
        await ben.answered(said)
        effects = await effect_calls.effects(desk.connection, ben.conversation.session_id)
    assert [each.duplicate for each in said] == [False, True, True]
    assert len({each.message_id for each in said}) == 1
    assert "have refunded 79.00 EUR" in ben.replies[-1].text
    assert ben.replies[-1].turn.commit_point_reached
    assert await desk.shop.refunds(order) == 1
    states = [effect.state for effect in effects if effect.tool_name == "refund_order"]
    assert states == [effect_pb2.EFFECT_STATE_DONE]


async def test_a_return_that_is_not_confirmed_pays_nothing(desk: Desk) -> None:
    order = "10017"
    async with talk(desk) as cara:
        await cara.ask(f"I'd like to return order {order}, it is the wrong size.")
        await cara.ask("No, I'll keep it.")
    assert await desk.shop.refunds(order) == 0


async def test_a_change_of_mind_during_a_look_up_replaces_the_turn(desk: Desk) -> None:
    async with talk(desk) as dan:
        first = await dan.conversation.say("Please trace my parcel, the order is 10014.")
        await dan.until(lambda: bool(dan.events("turn_aggregated")))
        second = await dan.conversation.say("Sorry, I meant order 10004. Please trace that parcel.")
        await dan.answered([first, second])
    [reply] = dan.replies
    assert list(reply.turn.message_ids) == [first.message_id, second.message_id]
    assert len(dan.events("turn_superseded")) == 1
    assert reply.turn.superseded_from
    assert "10004" in reply.text
    assert "10014" not in reply.text


async def test_a_message_during_a_refund_waits_for_its_own_turn(desk: Desk) -> None:
    order = "10018"
    async with talk(desk) as eva:
        await eva.ask(f"I'd like to return order {order}, it arrived broken.")
        yes = await eva.conversation.say("Yes, please.")
        await eva.until(lambda: len(eva.events("turn_aggregated")) == 2)
        thanks = await eva.conversation.say("Thanks a lot!")
        await eva.answered([yes, thanks])
    assert await desk.shop.refunds(order) == 1
    assert [m for reply in eva.replies[1:] for m in reply.turn.message_ids] == [
        yes.message_id,
        thanks.message_id,
    ]


async def test_a_publication_reaches_new_sessions_and_leaves_live_ones_alone(desk: Desk) -> None:
    question, old, new = "What are your opening hours?", "from 9 to 18 o'clock", "from 7 to 21 o'clock"
    original = admin.sources(example.find().agent)
    changed = [version_pb2.SourceFile(path=f.path, content=f.content.replace(old, new)) for f in original]
    async with talk(desk) as fay:
        before = await fay.ask(question)
        try:
            version = await admin.publish_to_end(desk.connection, changed)

            async def a_new_session_has_it() -> bool:
                async with talk(desk) as gil:
                    reply = await gil.ask(question)
                return reply.turn.config_version == version and new in reply.text

            await until(a_new_session_has_it, "the new hours in a new session", 20)
            after = await fay.ask(question)
        finally:
            await admin.publish_to_end(desk.connection, original)
    assert old in before.text
    assert old in after.text
    assert after.turn.config_version == before.turn.config_version < version


async def test_a_session_follows_its_customer_over_streams_and_channels(desk: Desk) -> None:
    user = f"user-{secrets.token_hex(4)}"
    async with talk(desk, user=user) as first:
        await first.ask("Where is my order 10002?")
        session_id = first.conversation.session_id
    async with talk(desk, user=user) as second:
        await second.ask("Hello again!")
        assert second.conversation.session_id == session_id
    async with talk(desk, user=user, channel="sms") as elsewhere:
        await elsewhere.ask("Hello!")
        assert elsewhere.conversation.session_id != session_id


async def test_a_watcher_sees_what_the_conversation_saw(desk: Desk) -> None:
    async with desk.connection.client() as client:
        async with talk(desk) as hal:
            reply = await hal.ask("What is the return policy?")
        stored = await watched(client, hal.conversation.session_id, reply.offset)
    seen = {frame.offset for frame in hal.frames if isinstance(frame, Reply | Event)}
    assert stored[-1] == reply.offset
    assert stored == list(range(1, reply.offset + 1))
    assert seen <= set(stored)


async def watched(client: FocalClient, session_id: str, last: int) -> list[int]:
    offsets: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        async for frame in client.watch(session_id, events_only=True):
            if isinstance(frame, Reply | Event):
                offsets.append(frame.offset)
                if frame.offset == last:
                    break
    return offsets


async def test_what_was_said_is_listed_with_its_turn(desk: Desk) -> None:
    async with desk.connection.client() as client:
        async with talk(desk) as ida:
            reply = await ida.ask("Where is my order 10003?")
        turns = (await client.sessions.turns(ida.conversation.session_id)).turns
        session = await client.sessions.get(ida.conversation.session_id)
    assert [turn.turn_id for turn in turns] == [reply.turn_id]
    assert [tool.tool_name for tool in turns[0].tools] == ["get_order"]
    assert (session.agent_id, session.turn_count) == (AGENT, 1)
