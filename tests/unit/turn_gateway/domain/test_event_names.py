import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.event_names import Refusal
from focal_turn_gateway.domain.events import AgentReported, DeliveryUpdated, SupersedeDecided
from tests.unit.turn_gateway.codecs.test_events import BODIES


def said(category: str = "tool", kind: str = "done", payload: str = "{}") -> AgentReported:
    return AgentReported(category, kind, payload, "INFO", "1.0")


def test_every_event_has_a_name_in_one_of_the_categories() -> None:
    names = {kind: event_names.full_name(body) for kind, body in BODIES.items()}
    assert names["turn_started"] == "infra.turn.started"
    assert names["message_received"] == "infra.message.received"
    assert names["turn_aggregated"] == "infra.message.aggregated"
    assert names["agent"] == "tool.done"
    assert {name.split(".")[0] for name in names.values()} <= event_names.CATEGORIES


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("SUPERSEDE", "infra.supersede.decided"),
        ("ABSORB", "infra.message.absorbed"),
        ("QUEUE", "infra.turn.queued"),
        ("FORCE_COMPLETE", "infra.turn.queued"),
    ],
)
def test_a_decision_is_named_for_what_becomes_of_the_message(action: str, name: str) -> None:
    body = SupersedeDecided(action, "UNSPECIFIED", "PRE_COMMIT", "why", ("msg_1",))
    assert event_names.full_name(body) == name


def test_what_went_wrong_is_louder() -> None:
    loud = {kind: event_names.severity(body) for kind, body in BODIES.items()}
    assert (loud["turn_failed"], loud["events_dropped"], loud["turn_completed"]) == ("ERROR", "WARN", "INFO")
    assert (loud["agent"], loud["delivery_updated"]) == ("ERROR", "WARN")
    dropped = DeliveryUpdated(7, "callback", "trn_1:0:1", 0, 1, "FAILED", "not wanted", 1, "DROP", "ada")
    assert event_names.severity(dropped) == "INFO"
    assert event_names.severity(AgentReported("tool", "done", "{}", "UNSPECIFIED", "")) == "INFO"


@pytest.mark.parametrize("kind", ["tool.completed", "commit.reached", "brain.started", "brain.model_failed"])
def test_an_agent_may_say_what_the_fabric_interprets_and_how_its_brain_fares(kind: str) -> None:
    assert event_names.reported(said("infra", kind), 100) == said("infra", kind)


@pytest.mark.parametrize("kind", ["turn.completed", "message.received", "commit.approved", "invented"])
def test_what_would_pass_for_the_fabrics_own_word_becomes_custom(kind: str) -> None:
    assert event_names.reported(said("infra", kind), 100) == said("custom", f"infra.{kind}")


@pytest.mark.parametrize(
    ("event", "refusal"),
    [
        (said("Tool"), Refusal.UNKNOWN_CATEGORY),
        (said(""), Refusal.UNKNOWN_CATEGORY),
        (said(kind=""), Refusal.INVALID_TYPE),
        (said(kind="two words"), Refusal.INVALID_TYPE),
        (said(kind="ends."), Refusal.INVALID_TYPE),
        (said(kind="line\n"), Refusal.INVALID_TYPE),
        (said(kind="x" * 84), Refusal.INVALID_TYPE),
        (said(payload="é" * 51), Refusal.PAYLOAD_TOO_LARGE),
    ],
)
def test_what_has_no_name_or_is_too_large_is_refused(event: AgentReported, refusal: Refusal) -> None:
    assert event_names.reported(event, 100) is refusal


def test_the_largest_allowed_event_is_kept() -> None:
    event = said(kind="x" * 83, payload="x" * 100)
    assert event_names.reported(event, 100) is event


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*", {"tool.done", "tool.done.twice", "toolbox.done", "infra.turn.started"}),
        ("tool.*", {"tool.done", "tool.done.twice"}),
        ("tool.done", {"tool.done"}),
        ("infra.turn.*", {"infra.turn.started"}),
        ("infra.turn", set()),
    ],
)
def test_a_pattern_chooses_by_whole_parts_of_names(pattern: str, chosen: set[str]) -> None:
    names = {"tool.done", "tool.done.twice", "toolbox.done", "infra.turn.started"}
    assert {name for name in names if event_names.matches(name, [pattern])} == chosen


def test_no_pattern_means_all_and_repeats_count_once() -> None:
    assert event_names.checked_patterns([]) == ("*",)
    assert event_names.checked_patterns(["tool.*", "rule.matched", "tool.*"]) == ("tool.*", "rule.matched")


@pytest.mark.parametrize(
    "pattern", ["", "**", "*.started", "tool*", "tool.", "Tool.*", "invented.*", "a b", "tool.*\n", "%"]
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(errors.InvalidField):
        event_names.checked_patterns([pattern])


def test_there_is_an_end_to_patterns() -> None:
    with pytest.raises(errors.InvalidField):
        event_names.checked_patterns([f"tool.t{number}" for number in range(17)])
