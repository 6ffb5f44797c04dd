from dataclasses import replace

import pytest

from focal_toolbox.core import pending_messages
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.tool import Tool
from focal_toolbox.errors import Refusal
from tests.fakes.toolbox_desk import ATTEMPT

BLIND = replace(ATTEMPT, no_pending_messages=False)


def test_an_irreversible_call_needs_the_callers_word() -> None:
    with pytest.raises(Refusal) as refused:
        pending_messages.check(BLIND, Tool("refund"))
    assert refused.value.reason == "PENDING_MESSAGES_UNKNOWN"
    pending_messages.check(ATTEMPT, Tool("refund"))


@pytest.mark.parametrize("policy", [each for each in Policy if each is not Policy.IRREVERSIBLE])
def test_what_can_be_undone_or_repeated_needs_none(policy: Policy) -> None:
    pending_messages.check(BLIND, Tool("label", policy=policy))
