from dataclasses import replace

import pytest

from focal_toolbox.domain import compensation, keys
from focal_toolbox.domain.compensation import Undoing, Undone
from focal_toolbox.domain.effect import Effect, State
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Result, Status
from tests.unit.toolbox.test_codec import EFFECT

HOLD = replace(
    EFFECT,
    tool_name="hold",
    policy=Policy.COMPENSATABLE,
    arguments_json='{"order_id":"10003","note":"soon"}',
    result_json='{"holds":[{"id":"H-7"}],"expires":null}',
)


def test_the_latest_effect_is_undone_first_and_what_failed_not_at_all() -> None:
    effects = [replace(HOLD, effect_id=name) for name in ("a", "b", "c")]
    effects[1] = replace(effects[1], state=State.FAILED)
    assert [each.effect_id for each in compensation.to_undo(effects)] == ["c", "a"]


@pytest.mark.parametrize("policy", [Policy.IDEMPOTENT, Policy.IRREVERSIBLE])
def test_only_compensatable_effects_are_undone(policy: Policy) -> None:
    refusal = compensation.refusal(replace(HOLD, policy=policy))
    assert refusal is not None
    assert refusal.reason == "NOT_COMPENSATABLE"
    assert compensation.refusal(HOLD) is None


def test_the_key_of_a_compensation_belongs_to_one_effect() -> None:
    own = keys.compensation_key(HOLD)
    assert own == keys.compensation_key(replace(HOLD, attempts=9, reservation_id="rsv_2"))
    assert own != keys.compensation_key(replace(HOLD, effect_key="other"))
    assert own != keys.compensation_key(replace(HOLD, tenant_id="globex"))
    assert own != HOLD.effect_key


def _undone(status: Status, reason: str = "", policy: Policy | None = None, passing: bool = False) -> Undone:
    effect: Effect | None = replace(HOLD, policy=policy) if policy else None
    found = Result("release", status, error_reason=reason, effect=effect, passing=passing)
    return Undone((), (Undoing("eff_1", found),))


@pytest.mark.parametrize(
    ("undone", "repeat"),
    [
        (_undone(Status.SUCCESS, passing=True), False),
        (_undone(Status.ERROR, "http_409"), False),
        (_undone(Status.ERROR, "http_503", passing=True), True),
        (_undone(Status.REFUSED, "EFFECT_IN_PROGRESS"), True),
        (_undone(Status.REFUSED, "EFFECT_IN_DOUBT"), False),
        (_undone(Status.REFUSED, "COMPENSATION_OVERTAKEN"), False),
        (_undone(Status.IN_DOUBT, "timeout", Policy.IDEMPOTENT), True),
        (_undone(Status.IN_DOUBT, "timeout", Policy.IRREVERSIBLE, passing=True), False),
    ],
)
def test_a_demand_is_worth_repeating_while_what_stopped_it_may_pass(undone: Undone, repeat: bool) -> None:
    assert undone.repeat is repeat
