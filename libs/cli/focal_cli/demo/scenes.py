"""The scenes of the demonstration; each plays a conversation and returns its claims."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from focal.config.v1 import version_pb2
from focal.toolbox.v1 import effect_pb2
from focal_cli import admin, confirmation_calls, effect_calls
from focal_cli.demo import example
from focal_cli.demo.claims import Claim, claim
from focal_cli.demo.stage import Stage
from focal_client import Reply
from focal_kernel import ids

BURST_PAUSE_S = 0.3
PAYING_MS = 1500
WATCH_S = 10.0
CLEAR_S = 30.0

Scene = Callable[[Stage], Awaitable[list[Claim]]]


async def burst(stage: Stage) -> list[Claim]:
    """A greeting and a question, 300 ms apart, are one turn."""
    scene = "burst"
    async with stage.customer("Ada") as ada:
        greeting = await ada.say("Hello!")
        await asyncio.sleep(BURST_PAUSE_S)
        question = await ada.say("Where is my order 10001?")
        await ada.answered([greeting, question])
    answered = len(ada.replies[-1].turn.message_ids)
    return [
        claim(scene, "two messages get one reply", expected=1, seen=len(ada.replies)),
        claim(scene, "the reply answers both", expected=2, seen=answered),
        claim(scene, "the order was looked up", expected=True, seen="delivered" in ada.replies[-1].text),
    ]


async def refund(stage: Stage) -> list[Claim]:
    """A refund is asked for, confirmed twice with one request id, and paid once."""
    scene, order = "refund", "10003"
    before = await stage.shop.refunds(order)
    async with stage.customer("Ben") as ben:
        await ben.ask(f"I'd like to return order {order}, it arrived broken.")
        unasked = await stage.shop.refunds(order) - before
        request_id = ids.new_id("yes")
        first = await ben.say("Yes, please.", request_id=request_id)
        second = await ben.say("Yes, please.", request_id=request_id)
        await ben.answered([first, second])
        effects = await effect_calls.effects(stage.mesh, ben.conversation.session_id)
    paid = await stage.shop.refunds(order) - before
    done = [effect.tool_name for effect in effects if effect.state == effect_pb2.EFFECT_STATE_DONE]
    return [
        claim(scene, "nothing is paid before the yes", expected=0, seen=unasked),
        claim(scene, "the second yes is known as the first", expected=True, seen=second.duplicate),
        claim(scene, "both are one message", expected=first.message_id, seen=second.message_id),
        claim(scene, "the yes gets one reply", expected=2, seen=len(ben.replies)),
        claim(scene, "the shop paid once", expected=1, seen=paid),
        claim(scene, "the ledger holds one refund", expected=1, seen=done.count("refund_order")),
    ]


async def change_of_mind(stage: Stage) -> list[Claim]:
    """While the carrier is being asked about one parcel, the customer names another."""
    scene = "change of mind"
    async with stage.customer("Cleo") as cleo:
        first = await cleo.say("Please trace my parcel, the order is 10014.")
        await cleo.reported("tool", "started")
        second = await cleo.say("Sorry, I meant order 10004. Please trace that parcel.")
        await cleo.answered([first, second])
    reply = cleo.replies[-1]
    return [
        claim(scene, "the first turn was replaced", expected=1, seen=len(cleo.events("turn_superseded"))),
        claim(scene, "there is one reply", expected=1, seen=len(cleo.replies)),
        claim(scene, "it answers both messages", expected=2, seen=len(reply.turn.message_ids)),
        claim(scene, "it is about the second order", expected=True, seen="10004" in reply.text),
        claim(scene, "and not about the first", expected=False, seen="10014" in reply.text),
    ]


async def absorb(stage: Stage) -> list[Claim]:
    """While the carrier is being asked, the customer adds a question: one turn answers both."""
    scene = "absorb"
    async with stage.customer("Fay") as fay:
        first = await fay.say("Please trace my parcel, the order is 10014.")
        await fay.reported("tool", "started")
        second = await fay.say("And the shop, when are you open?")
        await fay.answered([first, second])
    reply = fay.replies[-1]
    return [
        claim(scene, "the question is taken in", expected=["absorbed"], seen=fay.told(second)),
        claim(scene, "and stays so", expected="absorbed", seen=fay.fate(second)),
        claim(scene, "no turn was replaced", expected=0, seen=len(fay.events("turn_superseded"))),
        claim(scene, "one attempt was enough", expected=1, seen=len(fay.events("turn_started"))),
        claim(scene, "there is one reply", expected=1, seen=len(fay.replies)),
        claim(scene, "it tells of the parcel", expected=True, seen="10014" in reply.text),
        claim(scene, "and the hours", expected=True, seen=OLD_HOURS in reply.text),
    ]


async def too_late(stage: Stage) -> list[Claim]:
    """While the refund is being paid, the customer wants to stop it: the turn is finished first."""
    scene, order = "too late", "10009"
    before = await stage.shop.refunds(order)
    async with stage.shop.paying_slowly(PAYING_MS), stage.customer("Gus") as gus:
        await gus.ask(f"I'd like to return order {order}, it arrived broken.")
        effects = len(gus.events("agent"))
        agreed = await gus.say("Yes, please.")
        await gus.reported("tool", "started", after=effects)
        regret = await gus.say("No, stop!")
        await gus.answered([agreed, regret])
    paid, later = gus.replies[-2:]
    return [
        claim(scene, "the regret waits", expected=["queued"], seen=gus.told(regret)),
        claim(scene, "the refund is paid once", expected=1, seen=await stage.shop.refunds(order) - before),
        claim(scene, "its reply answers the yes alone", expected=[agreed.message_id], seen=_ids(paid)),
        claim(scene, "the next turn answers the regret", expected=[regret.message_id], seen=_ids(later)),
        claim(scene, "of a group of its own", expected=True, seen=_group(paid) != _group(later)),
    ]


async def survived(stage: Stage) -> list[Claim]:
    """The customer agrees to one exact call, and the toolbox is killed while it pays."""
    scene, order = "killed while paying", "10018"
    before = await stage.shop.refunds(order)
    async with stage.shop.paying_slowly(PAYING_MS), stage.customer("Ida", example.CAREFUL) as ida:
        asked = await ida.ask(f"I would like my money back for the order {order}.")
        unasked, question = await stage.shop.refunds(order) - before, ida.asked
        if question is None:
            return [claim(scene, "the call asks first", expected="a question", seen=asked.text)]
        reports = len(ida.events("agent"))
        stage.tell("Ida", "(presses yes)")
        answered = await ida.conversation.confirm(question.confirmation_id, accepted=True)
        await ida.reported("tool", "started", after=reports)
        killed = stage.kill("toolbox")
        await ida.told_of(answered.turn_id)
        session = ida.conversation.session_id
        effects = await _once_clear(stage, session)
        await ida.heard("Done")
        told = [reply.text for reply in ida.replies if reply.text.startswith("Done")]
    used = await confirmation_calls.confirmations(stage.mesh, session, "USED", limit=2)
    return [
        claim(scene, "nothing is paid before the yes", expected=0, seen=unasked),
        claim(scene, "the question is in the reply", expected=True, seen=question.prompt in asked.text),
        claim(scene, "the toolbox is killed while it pays", expected=True, seen=killed),
        claim(scene, "the customer is told once, unasked", expected=1, seen=len(told)),
        claim(scene, "the shop paid once", expected=1, seen=await stage.shop.refunds(order) - before),
        claim(scene, "the ledger holds one refund, done", expected=["DONE"], seen=_states(effects)),
        claim(
            scene,
            "the yes was used by that call alone",
            expected=[effect.effect_key for effect in effects],
            seen=[confirmation.used_by for confirmation in used],
        ),
    ]


async def _once_clear(stage: Stage, session_id: str) -> Sequence[effect_pb2.Effect]:
    """The session's effects once the shop was asked what became of the one in doubt."""
    async with asyncio.timeout(CLEAR_S):
        while True:
            effects = await effect_calls.effects(stage.mesh, session_id)
            if effects and all(effect.state == effect_pb2.EFFECT_STATE_DONE for effect in effects):
                return effects
            await asyncio.sleep(0.2)


def _states(effects: Sequence[effect_pb2.Effect]) -> list[str]:
    names = effect_pb2.EffectState
    return [names.Name(effect.state).removeprefix("EFFECT_STATE_") for effect in effects]


async def resumed(stage: Stage) -> list[Claim]:
    """The stream is cut in the middle of a turn, and another goes on where it ended."""
    scene = "resumed stream"
    async with stage.customer("Hal") as hal:
        asked = await hal.say("Please trace my parcel, the order is 10014.")
        await hal.reported("tool", "started")
    async with stage.returning(hal) as back:
        await back.answered([asked])
        session = back.conversation.session_id
    offsets, last = hal.offsets + back.offsets, back.offsets[-1]
    watched = [offset async for offset in _watched(stage, session, last)]
    return [
        claim(scene, "the first stream saw no reply", expected=0, seen=len(hal.replies)),
        claim(scene, "the second one did, once", expected=1, seen=len(back.replies)),
        claim(scene, "no event is missing or twice", expected=_from_one(last), seen=offsets),
        claim(scene, "a watcher sees the same", expected=_from_one(last), seen=watched),
    ]


OLD_HOURS, NEW_HOURS = "from 9 to 18 o'clock", "from 8 to 20 o'clock"
QUESTION = "What are your opening hours?"
VISIBLE_WITHIN_S = 5.0


async def publication(stage: Stage) -> list[Claim]:
    """The hours change while a session is live: it keeps its version, new ones get the new."""
    scene = "publication"
    original = admin.sources(stage.example.agent)
    changed = [_with_new_hours(file) for file in original]
    async with stage.customer("Dan") as dan:
        old = await dan.ask(QUESTION)
        try:
            stage.tell("operator", f"publishes new hours: {NEW_HOURS}")
            published = await admin.publish_to_end(stage.mesh, changed)
            still_old = await dan.ask(QUESTION)
            new = await _until_version(stage, published)
        finally:
            await admin.publish_to_end(stage.mesh, original)
    versions = (old.turn.config_version, still_old.turn.config_version)
    return [
        claim(scene, "the live session keeps its version", expected=versions[0], seen=versions[1]),
        claim(scene, "and its hours", expected=True, seen=OLD_HOURS in still_old.text),
        claim(scene, "a new session gets the new version", expected=published, seen=new.turn.config_version),
        claim(scene, "and the new hours", expected=True, seen=NEW_HOURS in new.text),
    ]


SCENES: tuple[Scene, ...] = (burst, refund, change_of_mind, absorb, too_late, survived, resumed, publication)


async def play(stage: Stage) -> list[Claim]:
    """Register the tenant, publish the example, and play all scenes."""
    await admin.ensure_tenant(stage.mesh)
    for agent in (stage.example.agent, stage.example.careful):
        await admin.publish_to_end(stage.mesh, admin.sources(agent))
    return [each for scene in SCENES for each in await scene(stage)]


def _ids(reply: Reply) -> list[str]:
    return list(reply.turn.message_ids)


def _group(reply: Reply) -> str:
    return reply.turn.turn_group_id


def _from_one(last: int) -> list[int]:
    return list(range(1, last + 1))


async def _watched(stage: Stage, session_id: str, last: int) -> AsyncIterator[int]:
    """Offsets of a session's events, in two halves: the watcher leaves and comes back."""
    for first, end in ((0, last // 2), (last // 2, last)):
        async with asyncio.timeout(WATCH_S):
            async for frame in stage.client.watch(session_id, from_offset=first, events_only=True):
                offset = getattr(frame, "offset", 0)
                yield offset
                if offset >= end:
                    break


def _with_new_hours(file: version_pb2.SourceFile) -> version_pb2.SourceFile:
    return version_pb2.SourceFile(path=file.path, content=file.content.replace(OLD_HOURS, NEW_HOURS))


async def _until_version(stage: Stage, version: int) -> Reply:
    """Open new sessions until one is answered by the version, or the time for it is over."""
    deadline = asyncio.get_running_loop().time() + VISIBLE_WITHIN_S
    while True:
        async with stage.customer("Eve") as eve:
            reply = await eve.ask(QUESTION)
        if reply.turn.config_version >= version or asyncio.get_running_loop().time() > deadline:
            return reply
