from typing import Any

import pytest

from focal_pipeline.core.judging import Signals, Situation, Standing, Verdict
from focal_pipeline.domain.bundle import Variable
from focal_pipeline.domain.turn import AbsorbStrategy, Action, InterruptPoint, Message
from focal_pipeline.settings import SupersedeSettings
from tests.fakes import pipeline as fakes

BOUNDARY = InterruptPoint.PHASE_BOUNDARY
VARIABLES = (
    Variable("order_id", pattern=r"\b(\d{5})\b"),
    Variable("reason", synonyms=(("broken", ("broken", "damaged")),)),
    Variable("agreed", synonyms=(("true", ("yes", "👍")),), type="boolean", only_when_asked=True),
)
READERS = fakes.compiled(variables=VARIABLES).readers


def verdict(said: str, arrived: str, point: InterruptPoint = BOUNDARY, **more: Any) -> Verdict | None:
    acted = more.pop("acted", False)
    standing = Standing(**{"readers": READERS, **more})
    judge = Signals(SupersedeSettings(), pattern_timeout_s=1)
    before, now = [Message("m1", said)] if said else [], [Message("m2", arrived)]
    return judge.judge(Situation(point, before, now, standing, acted))


def action(*args: Any, **more: Any) -> tuple[Action, AbsorbStrategy | None] | None:
    found = verdict(*args, **more)
    return (found.action, found.strategy) if found else None


RESTART = (Action.ABSORB, AbsorbStrategy.RESTART)
CONTINUE = (Action.ABSORB, AbsorbStrategy.CONTINUE)
SUPERSEDE = (Action.SUPERSEDE, None)
FORCE = (Action.FORCE_COMPLETE, None)


@pytest.mark.parametrize(
    "arrived",
    [
        "sorry, I meant the other one",
        "No, the blue one",
        "Nein, doch die blaue",
        "perdón, quise decir la azul",
        "attendez, la bleue",
        "não, a azul",
        "لا، الأزرق",
        "मेरा मतलब नीला",
        "不对, 我是说蓝色的",
        "やっぱり青いのにします",
    ],
)
def test_a_correction_supersedes_in_any_language(arrived: str) -> None:
    assert action("the red one please", arrived) == SUPERSEDE


def test_another_value_of_what_the_turn_states_supersedes_without_any_word() -> None:
    found = verdict("trace order 10014", "10004")
    assert found is not None
    assert found.action is Action.SUPERSEDE
    assert "order_id" in found.reason


def test_the_same_value_again_is_no_correction() -> None:
    assert action("trace order 10014", "it is 10014 indeed") is None


def test_what_the_reply_would_ask_for_is_absorbed() -> None:
    found = verdict("I want a refund", "10003", asks=("order_id",))
    assert found is not None
    assert (found.action, found.strategy) == RESTART
    assert "would ask for" in found.reason


def test_a_value_that_the_turn_lacks_is_absorbed_even_before_anybody_asks() -> None:
    assert action("I want a refund", "order 10003") == RESTART


def test_a_value_that_is_known_from_before_adds_nothing() -> None:
    assert action("I want a refund", "it is about 10003", known={"order_id": "10003"}) is None


def test_an_answer_to_a_question_that_was_not_put_adds_nothing() -> None:
    assert action("I want a refund", "yes") is None


@pytest.mark.parametrize("said", ["I want to return,", "I want to return…", "my order:"])
def test_an_unfinished_text_is_continued(said: str) -> None:
    assert action(said, "the blue shirt") == RESTART


@pytest.mark.parametrize("arrived", ["and the blue one", "und die blaue", "y la azul", "还有蓝色的"])
def test_a_message_that_opens_with_an_addition_continues_the_thought(arrived: str) -> None:
    assert action("the red one", arrived) == RESTART


def test_before_the_first_phase_there_is_nothing_to_begin_again() -> None:
    assert action("I want a refund", "order 10003", InterruptPoint.PRE_PROCESSING) == CONTINUE


@pytest.mark.parametrize("arrived", ["thanks!", "Please", "danke", "谢谢", "🙏"])
def test_a_courtesy_is_absorbed_and_the_turn_goes_on(arrived: str) -> None:
    assert action("Where is order 10003?", arrived) == CONTINUE


def test_a_thumb_that_may_mean_yes_is_no_courtesy() -> None:
    assert action("Where is order 10003?", "👍") is None


@pytest.mark.parametrize(("written", "forced"), [(269, False), (270, True), (900, True)])
def test_a_reply_that_is_nearly_written_is_finished(written: int, forced: bool) -> None:
    found = action("opening hours?", "do you sell shoes?", written=lambda: written)
    assert found == (FORCE if forced else None)


def test_with_nothing_but_the_commit_left_the_turn_is_finished_unless_it_would_be_wrong() -> None:
    at_the_end = InterruptPoint.PRE_COMMIT
    assert action("opening hours?", "do you sell shoes?", at_the_end) == FORCE
    assert action("order 10003", "no, 10004", at_the_end) == SUPERSEDE
    assert action("a refund", "10003", at_the_end, asks=("order_id",)) == RESTART


def test_without_a_signal_there_is_no_opinion() -> None:
    assert action("opening hours?", "do you sell shoes?") is None


def test_after_an_effect_no_signal_counts() -> None:
    assert action("order 10003", "no, stop!", acted=True) is None


def test_a_turn_without_messages_can_be_judged() -> None:
    assert action("", "do you sell shoes?") is None
