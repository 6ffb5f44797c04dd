import asyncio

import pytest

from focal_pipeline.core.interrupts import Interrupts, Superseded
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.turn import Action, InterruptPoint, Message, PriorEffect, Turn
from tests.fakes import pipeline as fakes
from tests.fakes.until import until

POINT = InterruptPoint.PHASE_BOUNDARY


def interrupts(turn: Turn | None = None, limit: int = 5) -> tuple[Interrupts, fakes.Output]:
    output = fakes.Output()
    return Interrupts(turn or fakes.make_turn("hello"), output, limit=limit), output


async def test_without_messages_there_is_nothing_to_decide() -> None:
    watching, output = interrupts()
    await watching.check(POINT)
    assert not output.decisions


async def test_a_message_of_the_turn_itself_is_not_pending() -> None:
    watching, output = interrupts()
    watching.state([Message("m1", "hello")])
    await watching.check(POINT)
    assert not output.decisions


async def test_a_message_supersedes_while_nothing_happened() -> None:
    watching, _ = interrupts()
    watching.state([Message("m2", "wait"), Message("m2", "wait")])
    with pytest.raises(Superseded) as caught:
        await watching.check(POINT)
    assert caught.value.decision.action is Action.SUPERSEDE
    assert caught.value.decision.message_ids == ("m2",)
    assert caught.value.decision.point is POINT


async def test_a_look_up_binds_nobody() -> None:
    watching, _ = interrupts()
    watching.note_effect(SideEffect.PURE, fakes.success("look"))
    watching.state([Message("m2", "wait")])
    with pytest.raises(Superseded):
        await watching.check(POINT)


@pytest.mark.parametrize("policy", [SideEffect.IDEMPOTENT, SideEffect.COMPENSATABLE, SideEffect.IRREVERSIBLE])
async def test_after_an_effect_messages_queue_and_are_announced_once(policy: SideEffect) -> None:
    watching, output = interrupts()
    watching.note_effect(policy, fakes.success("act"))
    watching.state([Message("m2", "wait")])
    await watching.check(POINT)
    await watching.check(POINT)
    watching.state([Message("m3", "and")])
    await watching.check(POINT)
    assert [(d.action, d.message_ids) for d in output.decisions] == [
        (Action.QUEUE, ("m2",)),
        (Action.QUEUE, ("m3",)),
    ]


async def test_an_effect_that_did_not_happen_binds_nobody() -> None:
    watching, _ = interrupts()
    watching.note_effect(SideEffect.IDEMPOTENT, fakes.failure("act"))
    watching.state([Message("m2", "wait")])
    with pytest.raises(Superseded):
        await watching.check(POINT)


async def test_an_irreversible_effect_binds_from_its_reservation_on() -> None:
    watching, output = interrupts()
    watching.note_effect(SideEffect.IRREVERSIBLE, fakes.failure("pay", commit_point_reached=True))
    watching.state([Message("m2", "wait")])
    await watching.check(POINT)
    assert output.decisions[0].action is Action.QUEUE


@pytest.mark.parametrize(
    ("policy", "happened", "queues"),
    [
        (SideEffect.IDEMPOTENT, True, True),
        (SideEffect.IDEMPOTENT, False, False),
        (SideEffect.IRREVERSIBLE, False, True),
        (SideEffect.PURE, True, False),
    ],
)
async def test_effects_of_earlier_attempts_bind_too(policy: SideEffect, happened: bool, queues: bool) -> None:
    turn = fakes.make_turn("hello", prior_effects=(PriorEffect("act", policy, happened),))
    watching, output = interrupts(turn)
    watching.state([Message("m2", "wait")])
    if queues:
        await watching.check(POINT)
        assert output.decisions[0].action is Action.QUEUE
    else:
        with pytest.raises(Superseded):
            await watching.check(POINT)


async def test_past_the_limit_of_supersedes_a_turn_is_finished() -> None:
    watching, output = interrupts(fakes.make_turn("hello", supersede_count=2), limit=2)
    watching.state([Message("m2", "wait")])
    await watching.check(POINT)
    assert output.decisions[0].action is Action.QUEUE


async def test_a_message_cuts_guarded_work_short_and_lets_it_clean_up() -> None:
    watching, _ = interrupts()
    began, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    guarded = asyncio.create_task(watching.guard(work()))
    await began.wait()
    watching.state([Message("m2", "wait")])
    with pytest.raises(Superseded):
        await guarded
    assert cleaned.is_set()


async def test_work_after_an_effect_is_not_cut() -> None:
    watching, _ = interrupts()
    watching.note_effect(SideEffect.IDEMPOTENT, fakes.success("act"))
    watching.state([Message("m2", "wait")])

    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await watching.guard(work()) == "done"


async def test_an_error_of_guarded_work_is_raised() -> None:
    watching, _ = interrupts()

    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await watching.guard(work())


async def test_leaving_a_guard_ends_the_work() -> None:
    watching, _ = interrupts()
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    guarded = asyncio.create_task(watching.guard(work()))
    await began.wait()
    guarded.cancel()
    await until(ended.is_set, "the work ended")
    with pytest.raises(asyncio.CancelledError):
        await guarded
