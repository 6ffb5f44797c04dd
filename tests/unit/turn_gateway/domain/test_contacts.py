from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from focal_kernel import errors as kernel_errors
from focal_turn_gateway.codecs import contacts as codec
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.contacts import Contact

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SMS = Contact("cus_1", "sms", "+34600111222", verified=True, opted_in=True, source="shop", since=NOW)


def checked(**changes: Any) -> Contact:
    return replace(SMS, **changes).checked(channel_catalogue.registry(), NOW)


def test_an_address_is_kept_in_the_form_of_its_channel() -> None:
    assert checked() == SMS
    assert checked(channel="email", address="Ada@Example.com").address == "ada@example.com"
    assert checked(channel="phone").channel == "voice"
    assert checked(channel="slack", address="U02ABC").address == "U02ABC"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"address": "600111222"}, "INVALID_FIELD"),
        ({"address": "ada@example.com"}, "INVALID_FIELD"),
        ({"channel": "email"}, "INVALID_FIELD"),
        ({"source": " "}, "INVALID_FIELD"),
        ({"since": NOW + timedelta(seconds=1)}, "INVALID_FIELD"),
        ({"channel": "pager"}, "UNKNOWN_CHANNEL"),
        ({"customer_id": ""}, "INVALID_ID"),
        ({"channel": "slack", "address": ""}, "INVALID_ID"),
        ({"source": "x" * 257}, "INVALID_ID"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(kernel_errors.FocalError) as caught:
        checked(**changes)
    assert caught.value.reason == reason


@pytest.mark.parametrize("contact", [SMS, replace(SMS, since=None, verified=False, opted_in=False)])
def test_a_contact_survives_the_way_there_and_back(contact: Contact) -> None:
    assert codec.contact_from_proto(codec.contact_to_proto(contact)) == contact
