"""The table of a turn's life, whatever is tried in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_turn_gateway.domain import lifecycle
from focal_turn_gateway.domain.lifecycle import Standing, Step
from focal_turn_gateway.domain.turns import TurnStatus

FRESH = Standing("trn_1", "grp_1")
PLAYS = st.lists(st.tuples(st.sampled_from(Step), st.booleans()), max_size=25)


def played(plays: list[tuple[Step, bool]]) -> list[tuple[Step, Standing]]:
    """The allowed steps and what they came to; the flag says that an irreversible effect ran."""
    turn, history = FRESH, []
    for step, acts in plays:
        if acts and turn.status is TurnStatus.PROCESSING:
            turn = Standing(
                turn.turn_id, turn.turn_group_id, turn.status, turn.attempt, commit_point_reached=True
            )
        if lifecycle.allows(turn, step):
            turn = lifecycle.after(turn, step)
            history.append((step, turn))
        else:
            with pytest.raises(lifecycle.Forbidden):
                lifecycle.after(turn, step)
    return history


@given(PLAYS)
def test_nothing_follows_an_end_and_there_is_one_end(plays: list[tuple[Step, bool]]) -> None:
    history = played(plays)
    ends = [number for number, (_, turn) in enumerate(history) if turn.status in lifecycle.TERMINAL]
    assert ends in ([], [len(history) - 1])


@given(PLAYS)
def test_a_turn_starts_once_and_every_further_attempt_counts_one_more(plays: list[tuple[Step, bool]]) -> None:
    history = played(plays)
    begun = [step for step, _ in history if step in {Step.START, Step.RETRY}]
    assert begun[:1] in ([], [Step.START])
    assert Step.START not in begun[1:]
    assert not history or history[-1][1].attempt == len(begun)


@given(PLAYS)
def test_an_answer_is_committed_only_out_of_committing(plays: list[tuple[Step, bool]]) -> None:
    history = played(plays)
    for number, (step, _) in enumerate(history):
        if step in {Step.COMPLETE, Step.FAIL}:
            assert history[number - 1][1].status is TurnStatus.COMMITTING


@given(PLAYS)
def test_an_irreversible_effect_is_never_followed_by_a_supersede_absorb_or_cancel(
    plays: list[tuple[Step, bool]],
) -> None:
    acted = [step for step, turn in played(plays) if turn.commit_point_reached]
    assert not {Step.SUPERSEDE, Step.ABSORB, Step.CANCEL} & set(acted)


@given(PLAYS)
def test_the_group_stays_whatever_happens(plays: list[tuple[Step, bool]]) -> None:
    assert {turn.turn_group_id for _, turn in played(plays)} <= {"grp_1"}


def test_a_successor_inherits_the_group_and_both_know_one_another() -> None:
    ended, successor = lifecycle.superseded(lifecycle.after(FRESH, Step.START), "trn_2")
    assert (ended.status, ended.superseded_by) == (TurnStatus.SUPERSEDED, "trn_2")
    assert successor == Standing("trn_2", "grp_1", TurnStatus.ACCUMULATING, 0, superseded_from="trn_1")


@pytest.mark.parametrize("status", sorted(lifecycle.TERMINAL))
def test_an_ended_turn_takes_no_step(status: TurnStatus) -> None:
    assert not any(lifecycle.allows(Standing("t", "g", status), step) for step in Step)


def test_an_absorb_is_free_while_accumulating() -> None:
    assert lifecycle.allows(Standing("t", "g", commit_point_reached=True), Step.ABSORB)


def test_readers_never_see_a_turn_committing() -> None:
    shown = {(a, b) for a in TurnStatus for b in TurnStatus if a is not b and lifecycle.observed(a, b)}
    assert not any(
        TurnStatus.COMMITTING in change for change in shown if change[0] is not TurnStatus.COMMITTING
    )
    assert (TurnStatus.PROCESSING, TurnStatus.COMPLETE) in shown
    assert (TurnStatus.ACCUMULATING, TurnStatus.COMPLETE) not in shown
