import asyncio

import pytest

from focal_pipeline.core.interrupts import Interrupts, Restarted, Superseded
from focal_pipeline.core.judging import Situation, Verdict
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.tools import Outcome
from focal_pipeline.domain.turn import AbsorbStrategy, Action, InterruptPoint, Message, PriorEffect, Turn
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


class Opinion:
    """A judge that always says the same."""

    def __init__(self, verdict: Verdict | None) -> None:
        self.verdict = verdict
        self.asked: list[Situation] = []

    def judge(self, situation: Situation) -> Verdict | None:
        self.asked.append(situation)
        return self.verdict


RESTART = Verdict(Action.ABSORB, "it completes the thought", AbsorbStrategy.RESTART)
CONTINUE = Verdict(Action.ABSORB, "it changes nothing", AbsorbStrategy.CONTINUE)
FORCED = Verdict(Action.FORCE_COMPLETE, "nearly done")


def judged(verdict: Verdict | None, turn: Turn | None = None, limit: int = 5) -> tuple[Interrupts, Opinion]:
    opinion = Opinion(verdict)
    watching = Interrupts(turn or fakes.make_turn("hello"), fakes.Output(), limit=limit, judge=opinion)
    return watching, opinion


def told(watching: Interrupts) -> list[tuple[Action, tuple[str, ...]]]:
    assert isinstance(watching._output, fakes.Output)
    return [(d.action, d.message_ids) for d in watching._output.decisions]


async def test_a_message_that_is_absorbed_goes_on_with_the_turn() -> None:
    watching, _ = judged(CONTINUE)
    watching.state([Message("m2", "thanks")])
    await watching.check(POINT)
    assert watching.absorbed == (Message("m2", "thanks"),)
    assert told(watching) == [(Action.ABSORB, ("m2",))]
    assert watching.restarts == 0


async def test_a_restart_is_told_before_the_attempt_begins_again() -> None:
    watching, _ = judged(RESTART)
    watching.standing.asks = ("order_id",)
    watching.state([Message("m2", "10003")])
    with pytest.raises(Restarted):
        await watching.check(POINT)
    assert told(watching) == [(Action.ABSORB, ("m2",))]
    assert watching.absorbed == (Message("m2", "10003"),)
    assert watching.restarts == 1
    assert not watching.standing.asks
    await watching.check(POINT)  # nothing is left to decide


async def test_work_goes_on_through_a_message_that_does_not_cut_it() -> None:
    watching, _ = judged(CONTINUE)
    leave = asyncio.Event()

    async def work() -> str:
        await leave.wait()
        return "done"

    guarded = asyncio.create_task(watching.guard(work()))
    for name in ("m2", "m3"):
        watching.state([Message(name, "thanks")])
        await until(lambda name=name: name in str(told(watching)), "it was decided")  # type: ignore[misc]
    leave.set()
    assert await guarded == "done"
    assert [m.message_id for m in watching.absorbed] == ["m2", "m3"]


async def test_a_restart_cuts_guarded_work_short() -> None:
    watching, _ = judged(RESTART)
    guarded = asyncio.create_task(watching.guard(asyncio.Event().wait()))
    await asyncio.sleep(0)
    watching.state([Message("m2", "10003")])
    with pytest.raises(Restarted):
        await guarded


async def test_past_the_commit_point_nobody_is_asked() -> None:
    watching, opinion = judged(RESTART, fakes.make_turn("hello", supersede_default=Action.SUPERSEDE))
    watching.note_effect(SideEffect.IRREVERSIBLE, fakes.success("pay"))
    watching.state([Message("m2", "no, stop!")])
    await watching.check(POINT)
    assert told(watching) == [(Action.QUEUE, ("m2",))]
    assert opinion.asked == []


async def test_the_judge_comes_before_the_channel_and_hears_where_the_attempt_stands() -> None:
    watching, opinion = judged(FORCED, fakes.make_turn("hello", supersede_default=Action.SUPERSEDE))
    watching.state([Message("m2", "and")])
    await watching.check(POINT)
    assert told(watching) == [(Action.FORCE_COMPLETE, ("m2",))]
    asked = opinion.asked[0]
    assert (asked.point, asked.acted) == (POINT, False)
    assert [m.message_id for m in asked.arrived] == ["m2"]


UNDOABLE = (SideEffect.COMPENSATABLE, fakes.success("pickup", effect_id="eff_1"))
LASTING = (SideEffect.IDEMPOTENT, fakes.success("label", effect_id="eff_2"))
DOUBTFUL = (SideEffect.COMPENSATABLE, fakes.in_doubt("pickup"))


@pytest.mark.parametrize(
    ("channel", "effects", "expected"),
    [
        (Action.QUEUE, [], Action.QUEUE),
        (Action.FORCE_COMPLETE, [], Action.FORCE_COMPLETE),
        (Action.ABSORB, [], Action.ABSORB),
        (Action.SUPERSEDE, [], Action.SUPERSEDE),
        (None, [], Action.SUPERSEDE),
        (Action.ABSORB, [UNDOABLE], Action.ABSORB),
        (Action.SUPERSEDE, [UNDOABLE], Action.SUPERSEDE),
        (Action.FORCE_COMPLETE, [UNDOABLE], Action.FORCE_COMPLETE),
        (Action.QUEUE, [UNDOABLE], Action.QUEUE),
        (None, [UNDOABLE], Action.QUEUE),
        (Action.ABSORB, [UNDOABLE, LASTING], Action.QUEUE),
        (Action.SUPERSEDE, [LASTING], Action.QUEUE),
        (Action.SUPERSEDE, [LASTING, UNDOABLE], Action.QUEUE),
        (Action.SUPERSEDE, [DOUBTFUL], Action.QUEUE),
        (Action.FORCE_COMPLETE, [LASTING], Action.FORCE_COMPLETE),
        (None, [LASTING], Action.QUEUE),
    ],
)
async def test_the_channel_decides_what_nobody_judged_while_it_can_be_undone(
    channel: Action | None, effects: list[tuple[SideEffect, Outcome]], expected: Action
) -> None:
    watching, _ = judged(None, fakes.make_turn("hello", supersede_default=channel))
    for policy, outcome in effects:
        watching.note_effect(policy, outcome)
    watching.state([Message("m2", "and")])
    try:
        await watching.check(POINT)
        seen = told(watching)[0][0]
    except Superseded as superseded:
        seen = superseded.decision.action
    except Restarted:
        seen = told(watching)[0][0]
    assert seen is expected


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (PriorEffect("pickup", SideEffect.COMPENSATABLE, happened=True, effect_id="eff_1"), Action.SUPERSEDE),
        (PriorEffect("pickup", SideEffect.COMPENSATABLE, happened=True, doubtful=True), Action.QUEUE),
        (PriorEffect("label", SideEffect.IDEMPOTENT, happened=True), Action.QUEUE),
        (PriorEffect("label", SideEffect.IDEMPOTENT, happened=False), Action.SUPERSEDE),
        (PriorEffect("pay", SideEffect.IRREVERSIBLE, happened=False), Action.QUEUE),
    ],
)
async def test_what_earlier_attempts_did_counts_alike(effect: PriorEffect, expected: Action) -> None:
    turn = fakes.make_turn("hello", supersede_default=Action.SUPERSEDE, prior_effects=(effect,))
    watching, _ = judged(None, turn)
    watching.state([Message("m2", "and")])
    try:
        await watching.check(POINT)
        seen = told(watching)[0][0]
    except Superseded as superseded:
        seen = superseded.decision.action
    assert seen is expected


async def test_effects_that_can_be_undone_are_remembered() -> None:
    prior = PriorEffect("pickup", SideEffect.COMPENSATABLE, happened=True, effect_id="eff_0")
    watching, _ = interrupts(fakes.make_turn("hello", prior_effects=(prior,)))
    for policy, outcome in (UNDOABLE, LASTING, DOUBTFUL):
        watching.note_effect(policy, outcome)
    watching.note_effect(UNDOABLE[0], fakes.success("pickup", effect_id="eff_9"), "grp_of_an_earlier_turn")
    assert watching.undoable == {"eff_0": "pickup", "eff_1": "pickup"}


async def test_a_message_never_overtakes_one_that_waits() -> None:
    watching, opinion = judged(FORCED)
    watching.state([Message("m2", "and")])
    await watching.check(POINT)
    opinion.verdict = CONTINUE
    watching.state([Message("m3", "thanks")])
    await watching.check(POINT)
    assert told(watching) == [(Action.FORCE_COMPLETE, ("m2",)), (Action.QUEUE, ("m3",))]
    assert watching.absorbed == ()


async def test_restarts_count_as_supersedes_do() -> None:
    watching, _ = judged(RESTART, fakes.make_turn("hello", supersede_count=1), limit=2)
    watching.state([Message("m2", "10003")])
    with pytest.raises(Restarted):
        await watching.check(POINT)
    watching.state([Message("m3", "and")])
    await watching.check(POINT)
    assert told(watching)[-1] == (Action.QUEUE, ("m3",))


async def test_before_the_first_phase_a_channel_that_absorbs_begins_nothing_again() -> None:
    watching, _ = judged(None, fakes.make_turn("hello", supersede_default=Action.ABSORB))
    watching.state([Message("m2", "and")])
    await watching.check(InterruptPoint.PRE_PROCESSING)
    assert watching.restarts == 0
    assert len(watching.absorbed) == 1
