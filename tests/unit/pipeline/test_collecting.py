from typing import Any

from focal_pipeline.core import collecting
from focal_pipeline.domain.bundle import Step, Variable
from focal_pipeline.domain.turn import Message
from tests.fakes import pipeline as fakes

ORDER = Variable("order_id", pattern=r"(?<!\d)(\d{5})(?!\d)")
YES = Variable(
    "confirmed",
    type="boolean",
    synonyms=((True, ("yes", "sí", "👍")), (False, ("no", "don't"))),
    only_when_asked=True,
)


def collect(*texts: str, asked: Step | None = None) -> Any:
    readers = fakes.compiled(variables=[ORDER, YES]).readers.values()
    may_take = collecting.asked_by(asked) if asked else collecting.unasked
    return collecting.from_messages(
        readers, [Message(str(n), t) for n, t in enumerate(texts)], may_take, timeout_s=1.0
    )


ASKS = Step("one", collects=("confirmed",))


def test_a_pattern_finds_its_first_group() -> None:
    assert collect("my order is 10003, please") == {"order_id": "10003"}


def test_the_last_mention_wins_within_a_message_and_across() -> None:
    assert collect("10001, no, 10002") == {"order_id": "10002"}
    assert collect("10001", "sorry, 10003", "thanks") == {"order_id": "10003"}


def test_synonyms_are_whole_words_in_any_case() -> None:
    assert collect("YES!", asked=ASKS) == {"confirmed": True}
    assert collect("yesterday", asked=ASKS) == {}
    assert collect("Sí, claro", asked=ASKS) == {"confirmed": True}
    assert collect("👍", asked=ASKS) == {"confirmed": True}


def test_of_a_yes_and_a_no_the_later_counts() -> None:
    assert collect("yes... no, don't", asked=ASKS) == {"confirmed": False}


def test_an_answer_counts_only_while_it_is_asked_for() -> None:
    assert collect("yes") == {}
    assert collect("yes", asked=Step("other", collects=("order_id",))) == {}


def test_a_value_that_is_not_allowed_is_passed_over() -> None:
    size = Variable("size", pattern=r"size (\w+)", allowed_values=frozenset({'"S"'}))
    readers = fakes.compiled(variables=[size]).readers.values()
    found = collecting.from_messages(
        readers, [Message("1", "size S or size Q")], collecting.unasked, timeout_s=1.0
    )
    assert found == {"size": "S"}


def test_a_pattern_that_backtracks_without_end_is_given_up() -> None:
    endless = Variable("endless", pattern=r"(a|aa)+$")
    readers = fakes.compiled(variables=[endless, ORDER]).readers.values()
    text = "a" * 200 + " for 10003"
    found = collecting.from_messages(readers, [Message("1", text)], collecting.unasked, timeout_s=0.05)
    assert found == {"order_id": "10003"}
