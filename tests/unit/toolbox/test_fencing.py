from focal_toolbox.core import fencing
from tests.fakes.toolbox.ledger import MemoryLedger
from tests.fakes.toolbox.wishes import to_refund


async def test_a_fence_tells_the_epoch_in_force_and_the_groups_effects() -> None:
    ledger = MemoryLedger()
    await ledger.reserve(to_refund(1))
    await ledger.reserve(to_refund(2, turn_group_id="grp_2"))
    await ledger.fence("acme", "ses_1", 5)
    fence = await fencing.raise_fence(ledger, "acme", "ses_1", 3, "grp_1")
    assert fence.epoch == 5
    assert [effect.effect_key for effect in fence.effects] == ["key_1"]
