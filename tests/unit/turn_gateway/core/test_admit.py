import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.core.admit import Admit
from focal_turn_gateway.domain.rates import Allowance, Rates, Verdict
from focal_turn_gateway.domain.tiers import Tier
from tests.fakes.turn_gateway import Tiers, Windows, submission


def allowance(verdict: Verdict) -> Allowance:
    return Allowance(verdict, limit=5, remaining=0, reset_s=12.0, retry_after_s=3.0)


async def test_limits_are_those_of_the_tenants_tier() -> None:
    windows = Windows()
    admit = Admit(
        Tiers(acme=Tier.PRO), windows, lambda tier: Rates({Tier.PRO: 600}[tier or Tier.FREE], 60, 10)
    )
    assert await admit(submission()) is None
    assert windows.asked == [("acme", submission().channel_user_hash, Rates(600, 60, 10))]


@pytest.mark.parametrize("verdict", [Verdict.TENANT, Verdict.CUSTOMER])
async def test_who_has_used_its_window_up_is_told_when_to_come_back(verdict: Verdict) -> None:
    admit = Admit(Tiers(), Windows(allowance(verdict)), lambda tier: Rates(5, 5, 1))
    with pytest.raises(errors.RateLimited) as caught:
        await admit(submission())
    assert caught.value.retry_after_s == 3.0
    assert caught.value.metadata == {"scope": verdict.value.lower(), "limit": "5", "reset_s": "12.000"}


async def test_a_blocked_customer_is_not_told_to_come_back() -> None:
    admit = Admit(Tiers(), Windows(allowance(Verdict.BLOCKED)), lambda tier: Rates(5, 5, 1))
    with pytest.raises(errors.CustomerBlocked) as caught:
        await admit(submission())
    assert caught.value.retry_after_s is None


async def test_a_tenant_that_crowds_others_out_is_told_to_come_back_before_it_is_counted() -> None:
    windows = Windows()
    admit = Admit(Tiers(), windows, lambda tier: Rates(5, 5, 1), lambda tenant_id: tenant_id == "acme", 2.0)
    with pytest.raises(errors.Crowded) as caught:
        await admit(submission())
    assert caught.value.retry_after_s == 2.0
    assert caught.value.metadata == {"scope": "backlog"}
    assert windows.asked == []
