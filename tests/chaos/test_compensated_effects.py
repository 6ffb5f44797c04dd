"""A courier was booked, the customer means another order: the first booking is called off exactly once.

The shop answers late, so that the change of mind meets a turn that has already acted, and a process is
killed after the shop called the courier off and before anybody noted it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from focal.turn.v1 import channel_pb2, event_pb2, turn_pb2
from focal_cli import admin
from tests.chaos.harness.customers import AGENT, CHANNEL
from tests.chaos.harness.orders import Pickup
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import kept
from tests.fakes.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

SLOW_MS = 1500
_DEMANDS = (
    "SELECT count(*) AS rows, count(*) FILTER (WHERE state = 'DELIVERED') AS met FROM turns.outbox"
    " WHERE session_id = $1 AND destination = 'compensation'"
)


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(rig: Rig) -> AsyncIterator[Rig]:
    """The mesh with a channel on which a new message replaces the turn, and a shop that is slow to answer."""
    policy = channel_pb2.ChannelPolicy(supersede_default=event_pb2.SUPERSEDE_ACTION_SUPERSEDE)
    override = channel_pb2.ChannelPolicyOverride(agent_id=AGENT, channel=CHANNEL, policy=policy)
    await admin.put_channel_policy(rig.connection, override)
    await rig.shop.pickups_take(after_ms=SLOW_MS)
    yield rig
    await rig.all_ready()
    await rig.shop.pickups_take()
    await admin.delete_channel_policy(rig.connection, AGENT, CHANNEL, [])


async def _pickups(rig: Rig, order: str, *expected: Pickup) -> None:
    """Wait until the shop has exactly these pickups of an order."""
    await until(lambda: rig.till.pickups({order}) == list(expected), f"{expected} for {order}", 15)


@pytest.mark.parametrize("killed", ["turn_gateway", "toolbox"])
async def test_the_booking_that_a_replaced_turn_made_is_called_off_once(hasty: Rig, killed: str) -> None:
    """Break: let the shop's undoing have a key of its own per request (`keys.compensation_key`)."""
    rig, ada = hasty, hasty.customer()
    other = rig.till.fresh()
    await ada.say(f"Please book a courier for order {ada.order}.")
    await _pickups(rig, ada.order, Pickup(ada.order, 0))
    turn = await ada.ask(f"Sorry, I meant order {other}.")
    assert turn.status == turn_pb2.TURN_STATUS_COMPLETE
    assert turn.superseded_from
    assert other in turn.reply[0].text
    assert len(turn.left_effect_ids) == 1
    await _pickups(rig, ada.order, Pickup(ada.order, 1))
    rig.kill(killed)
    evidence = await kept(rig, ada)
    states = [(each.tool_name, each.arguments.get("order_id"), each.state) for each in evidence.effects]
    assert states == [
        ("book_pickup", ada.order, "COMPENSATED"),
        ("book_pickup", other, "DONE"),
        ("cancel_pickup", None, "DONE"),
    ]
    assert rig.till.pickups({ada.order, other}) == [Pickup(ada.order, 1), Pickup(other, 0)]
    assert await rig.row(_DEMANDS, evidence.sessions[0].session_id) == {"rows": 1, "met": 1}
