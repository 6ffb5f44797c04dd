"""Activations only ever make a tool stricter, and every reason that one can be refused for."""

from typing import Any

import pytest

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.core.authoring.reading import Reading
from focal_config_watcher.domain.authoring import activation
from focal_config_watcher.domain.authoring.activation import Activation, Adoption
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.catalogue import Offer, Tier
from focal_config_watcher.domain.problem import Severity
from focal_config_watcher.domain.sources import Limits
from focal_kernel import canonical_json
from tests.fakes.config_watcher import sources

LOOK: dict[str, Any] = {
    "description": "Looks.",
    "policy": "pure",
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "string"}},
        "required": ["order_id"],
    },
    "http": {"url": "http://shop/{order_id}"},
    "timeout_ms": 5000,
    "fresh_ms": 1000,
}
PAY = {**LOOK, "policy": "irreversible", "business_key": ["order_id"], "confirm": "Sure?", "fresh_ms": 0}
UNDO = {**LOOK, "policy": "idempotent", "fresh_ms": 0}


def offer(name: str, definition: dict[str, Any], tier: Tier = Tier.TENANT, **changes: Any) -> Offer:
    said = canonical_json.dumps(changes) if changes else ""
    return Offer(name, tier, canonical_json.dumps(definition), said)


AVAILABLE = (offer("look", LOOK, Tier.PLATFORM), offer("pay", PAY), offer("undo", UNDO))


def read(*, available: tuple[Offer, ...] = AVAILABLE, **contents: str) -> Reading:
    contents.setdefault("variables", "order_id: {ask: Which order?}")
    return reading.read(sources(**contents), Limits(), available)


def tools(found: Reading) -> dict[str, Tool]:
    assert found.bundle is not None, found.problems
    return dict(found.bundle.tools)


def test_what_is_available_is_enabled_without_a_row() -> None:
    found = read()
    assert {name: tool.enabled for name, tool in tools(found).items()} == {
        "look": True,
        "pay": True,
        "undo": True,
    }
    assert found.bundle
    assert found.bundle.tiers == {"look": Tier.PLATFORM, "pay": Tier.TENANT, "undo": Tier.TENANT}


def test_only_an_explicit_row_hides_a_tool_and_it_stays_in_the_bundle() -> None:
    found = tools(read(activations="pay: {enabled: false}"))
    assert (found["pay"].enabled, found["look"].enabled) == (False, True)


def test_the_agents_own_definition_wins_even_when_it_is_badly_written() -> None:
    own = "look: {description: Mine., policy: idempotent, http: {url: 'http://mine'}}"
    found = read(tools=own)
    assert tools(found)["look"].description == "Mine."
    assert found.bundle
    assert "look" not in found.bundle.tiers
    badly = read(tools="look: {description: Mine.}")
    assert badly.bundle is None
    assert {problem.path for problem in badly.problems} == {"tools.yaml"}


def test_an_activation_makes_a_tool_stricter() -> None:
    said = "{policy: irreversible, business_key: [order_id], confirm: 'Look at {order_id}?', timeout_ms: 9}"
    look = tools(read(activations=f"look: {said}"))["look"]
    assert (look.policy, look.business_key, look.confirm) == (
        "irreversible",
        ("order_id",),
        "Look at {order_id}?",
    )
    assert (look.timeout_ms, look.fresh_ms) == (9, 0)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("pay: {policy: idempotent}", "LOOSER_THAN_DEFINED"),
        ("undo: {policy: pure}", "LOOSER_THAN_DEFINED"),
        ("pay: {confirm: ''}", "LOOSER_THAN_DEFINED"),
        ("pay: {timeout_ms: 5001}", "LOOSER_THAN_DEFINED"),
        ("look: {fresh_ms: 1001}", "LOOSER_THAN_DEFINED"),
        ("pay: {business_key: [amount]}", "LOOSER_THAN_DEFINED"),
        ("off: {enabled: true}", "LOOSER_THAN_DEFINED"),
        ("undo: {policy: irreversible}", "NO_BUSINESS_KEY"),
        ("undo: {policy: irreversible, business_key: [nobody]}", "BAD_BUSINESS_KEY"),
        ("undo: {policy: compensatable, business_key: [order_id]}", "NO_COMPENSATION"),
        ("nowhere: {enabled: false}", "DANGLING_TOOL"),
        ("pay: {confirm: 'Pay {nobody}?'}", "UNKNOWN_ARGUMENT"),
        ("pay: {url: 'http://elsewhere'}", "UNKNOWN_KEY"),
        ("pay: {policy: sloppy}", "BAD_VALUE"),
    ],
)
def test_what_would_be_looser_is_refused_where_it_stands(said: str, reason: str) -> None:
    off = offer("off", {**LOOK, "enabled": False})
    found = read(available=(*AVAILABLE, off), activations=said)
    assert found.bundle is None
    assert {(p.path, p.line) for p in found.problems} == {("activations.yaml", 1)}
    assert reason in {p.reason for p in found.problems}


@pytest.mark.parametrize("policy", activation.STRICTNESS)
@pytest.mark.parametrize("wanted", activation.STRICTNESS)
def test_a_policy_can_be_raised_and_never_lowered(policy: Any, wanted: Any) -> None:
    tool = Tool.model_validate({**PAY, "policy": policy, "compensation": "undo"})
    refused = [key for _, key, _ in activation.refusals(tool, Activation(policy=wanted))]
    lower = activation.STRICTNESS.index(wanted) < activation.STRICTNESS.index(policy)
    assert refused == (["policy"] if lower else [])


def test_references_find_tools_of_catalogues_and_say_where_they_come_from() -> None:
    bound = "r: {when: x, then: y, tools: [{tool: look}]}"
    (problem,) = read(rules=bound).problems
    assert problem.reason == "MISSING_ARGUMENT"
    assert "`look` (of the platform's catalogue)" in problem.message
    resolver = "order_id: {ask: Which?, resolver: look}"
    assert read(variables=resolver).problems == ()


def test_problems_of_a_catalogue_tool_name_its_catalogue() -> None:
    own = "undo: {description: Looks., policy: pure, http: {url: 'http://mine'}}"
    hold = {**PAY, "policy": "compensatable", "compensation": "undo", "confirm": ""}
    found = read(available=(*AVAILABLE, offer("hold", hold)), tools=own)
    (problem,) = [p for p in found.problems if p.reason == "BAD_COMPENSATION"]
    assert problem.path == "catalogue:tenant/hold"
    assert "the tool `hold` of the tenant's catalogue, at `compensation`" in problem.message


def test_a_binding_of_a_tool_that_is_not_enabled_is_worth_a_look() -> None:
    bound = "r: {when: x, then: y, tools: [{tool: undo, arguments: {order_id: '{order_id}'}}]}"
    (problem,) = read(rules=bound, activations="undo: {enabled: false}").problems
    assert (problem.reason, problem.severity) == ("NOT_ENABLED", Severity.WARNING)


def test_a_tenant_changes_the_providers_configuration_of_what_it_adopts() -> None:
    changes = {"http": {"url": "http://ours/{order_id}", "headers": {"X-Shop": "1"}}, "timeout_ms": 100}
    look = tools(read(available=(offer("look", LOOK, Tier.PLATFORM, **changes),)))["look"]
    assert look.http
    assert (look.http.url, look.http.headers, look.timeout_ms) == (
        "http://ours/{order_id}",
        {"X-Shop": "1"},
        100,
    )


def test_an_adoption_that_the_platforms_tool_no_longer_bears_refuses_the_publication() -> None:
    changed = (offer("pay", PAY, Tier.PLATFORM, policy="compensatable"),)
    (problem,) = [p for p in read(available=changed).problems if p.reason == "LOOSER_THAN_DEFINED"]
    assert problem.path == "catalogue:platform/pay"
    assert "what the tenant changes about the tool `pay`" in problem.message


@pytest.mark.parametrize(
    ("definition", "changes", "key"),
    [
        (LOOK, {"config": {"tool": "x"}}, "config"),
        ({**UNDO, "http": None, "provider": "mcp"}, {"http": {"url": "http://x"}}, "http"),
    ],
)
def test_changes_must_be_of_the_tools_own_provider(
    definition: dict[str, Any], changes: dict[str, Any], key: str
) -> None:
    tool, adoption = Tool.model_validate(definition), Adoption.model_validate(changes)
    assert [found for _, found, _ in activation.refusals(tool, adoption)] == [key]


def test_what_a_tenant_changes_is_checked_like_a_definition() -> None:
    call = {"description": "Calls.", "policy": "pure", "provider": "internal", "config": {"function": "f"}}
    good = offer("call", call, Tier.PLATFORM, config={"function": "ours"})
    assert tools(read(available=(good,)))["call"].config == {"function": "ours"}
    bad = offer("call", call, Tier.PLATFORM, config={"funktion": "ours"})
    assert [(p.path, p.reason) for p in read(available=(bad,)).problems] == [
        ("catalogue:platform/call", "UNKNOWN_KEY")
    ]
