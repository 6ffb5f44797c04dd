from dataclasses import replace
from typing import Any

import pytest

from focal_kernel import errors as kernel_errors
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.receipts import ReceiptState, Report

REGISTRY = channel_catalogue.registry()
FAILED = Report("trn_1:0:0", "", "", ReceiptState.FAILED, "unknown number")


def test_a_part_is_named_by_its_key_or_by_the_providers_id_on_its_channel() -> None:
    assert FAILED.checked(REGISTRY) == FAILED
    by_provider = Report("", "webchat", "wamid.1", ReceiptState.READ)
    assert by_provider.checked(REGISTRY).channel == "web"


@pytest.mark.parametrize(
    "wrong",
    [
        {"dedupe_key": ""},
        {"dedupe_key": "", "channel": "web"},
        {"dedupe_key": "", "provider_message_id": "1"},
        {"dedupe_key": "x" * 257},
        {"provider_message_id": "x" * 257},
        {"channel": "pigeon"},
        {"reason": "x" * 501},
        {"reason": "\x00"},
        {"state": ReceiptState.READ},
    ],
)
def test_a_report_that_names_no_part_or_breaks_a_limit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(kernel_errors.InvalidArgument):
        replace(FAILED, **wrong).checked(REGISTRY)
