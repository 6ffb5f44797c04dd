from focal_turn_gateway.core.admit_events import AdmitEvents, category_of
from focal_turn_gateway.core.event_budget import EventBudget, Limits
from focal_turn_gateway.domain.event_names import Refusal
from focal_turn_gateway.domain.events import AgentReported
from tests.fakes.turn_gateway import Counts


def test_each_refusal_is_told_once_with_its_tenant() -> None:
    told: list[tuple[str, Refusal]] = []
    budget = EventBudget(Counts(), Limits(10, 1), exchange_s=1, clock=lambda: 0.0)
    admit = AdmitEvents(budget, 100, lambda tenant_id, reason: told.append((tenant_id, reason)))
    note = AgentReported("custom", "note", "{}", "INFO", "1.0")
    assert admit("acme", note) == note
    assert admit("acme", note) is Refusal.CUSTOM_RATE_LIMIT
    assert told == [("acme", Refusal.CUSTOM_RATE_LIMIT)]


def test_a_name_taken_for_the_fabrics_counts_as_custom() -> None:
    budget = EventBudget(Counts(), Limits(10, 1), exchange_s=1, clock=lambda: 0.0)
    admit = AdmitEvents(budget, 100, lambda tenant_id, reason: None)
    pretending = AgentReported("infra", "turn.completed", "{}", "INFO", "1.0")
    assert isinstance(admit("acme", pretending), AgentReported)
    assert admit("acme", pretending) is Refusal.CUSTOM_RATE_LIMIT


def test_a_dropped_event_counts_under_one_of_few_categories() -> None:
    assert category_of(AgentReported("rule", "", "", "", "")) == "rule"
    assert category_of(AgentReported("x" * 1000, "", "", "", "")) == "unknown"
