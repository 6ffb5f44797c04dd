"""Wishes to reserve effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from focal_kernel import ids
from focal_toolbox.domain.effect import Wish
from focal_toolbox.domain.policy import Policy


def to_refund(number: int = 1, **changes: Any) -> Wish:
    """A wish to refund order `number` in turn group `grp_1`, new in its ids at every call."""
    made = Wish(
        effect_id=ids.new_id("eff"),
        reservation_id=ids.new_id("rsv"),
        tenant_id="acme",
        effect_key=f"key_{number}",
        business_key=f"order_{number}",
        tool_name="refund",
        policy=Policy.IRREVERSIBLE,
        session_id="ses_1",
        turn_group_id="grp_1",
        turn_id="trn_1",
        epoch=1,
        arguments_json="{}",
        agent_id="returns_desk",
        config_version=1,
    )
    return replace(made, **changes)
