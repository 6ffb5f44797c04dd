import pytest

from focal_kernel import canonical_json
from focal_toolbox.domain import keys
from focal_toolbox.domain.order import Arguments, Attempt, Order
from focal_toolbox.domain.tool import Tool

REFUND = Tool("refund", business_key_fields=("order_id", "line"))


def _arguments(**values: object) -> Arguments:
    return Arguments(canonical_json.dumps(values), values)


def _order(tenant: str = "acme", group: str = "grp_1", occurrence: int = 1, tool: str = "refund") -> Order:
    return Order(Attempt(tenant, "agent", 1, "ses_1", "trn_1", group, 1), tool, "{}", occurrence)


def test_only_the_declared_fields_count_in_their_declared_order() -> None:
    values = keys.business_values(REFUND, _arguments(line=2, order_id="1", amount=5))
    assert values == '["1",2]'


def test_without_declared_fields_all_arguments_count() -> None:
    assert keys.business_values(Tool("label"), _arguments(b=1, a=2)) == '{"a":2,"b":1}'


@pytest.mark.parametrize(
    "arguments", [{"line": 1}, {"line": 1, "order_id": None}, {"line": 1, "order_id": ""}]
)
def test_a_declared_field_must_have_a_value(arguments: dict[str, object]) -> None:
    with pytest.raises(KeyError, match="order_id"):
        keys.business_values(REFUND, _arguments(**arguments))


@pytest.mark.parametrize("falsy", [0, False])
def test_zero_and_false_are_values(falsy: object) -> None:
    assert keys.business_values(REFUND, _arguments(order_id="1", line=falsy))


def test_a_text_and_a_number_are_two_operations() -> None:
    text = keys.business_values(REFUND, _arguments(order_id="1", line="2"))
    number = keys.business_values(REFUND, _arguments(order_id="1", line=2))
    assert keys.business_key(_order(), text) != keys.business_key(_order(), number)


def test_the_business_key_is_the_same_in_every_turn_group() -> None:
    assert keys.business_key(_order(), "[1]") == keys.business_key(_order(group="grp_2"), "[1]")


@pytest.mark.parametrize("other", [_order("globex"), _order(tool="label")])
def test_tenants_and_tools_have_business_keys_of_their_own(other: Order) -> None:
    assert keys.business_key(_order(), "[1]") != keys.business_key(other, "[1]")


@pytest.mark.parametrize(
    "other", [_order("globex"), _order(tool="label"), _order(group="g"), _order(occurrence=2)]
)
def test_the_effect_key_tells_wishes_apart(other: Order) -> None:
    assert keys.effect_key(_order(), "[1]") != keys.effect_key(other, "[1]")


def test_a_crash_attempt_arrives_at_the_same_effect_key() -> None:
    retry = Order(Attempt("acme", "agent", 1, "ses_1", "trn_1", "grp_1", 7), "refund", "{}")
    assert keys.effect_key(_order(), "[1]") == keys.effect_key(retry, "[1]")
