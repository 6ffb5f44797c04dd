import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_turn_gateway.domain import personal_addresses
from focal_turn_gateway.domain.personal_addresses import Kind, PersonalAddress


@pytest.mark.parametrize("number", ["+34600111222", "+4930123", "+123456789012345"])
def test_a_number_in_e164_is_taken_as_it_stands(number: str) -> None:
    assert personal_addresses.read(number) == PersonalAddress(Kind.PHONE, number)


@pytest.mark.parametrize(
    "text",
    [
        *("600111222", "0034600111222", "34600111222", "+0346001112", "+34 600 111 222"),
        *(
            "+34600111222 ",
            "+34600111222\n",
            "+3460011122233344",
            "+123456",
            "+44(0)2079460018",
            "+३४६००१११२२२",
            "tel:+34600111222",
        ),
        *("", "+", "ada", "U02ABC"),
    ],
)
def test_a_number_that_is_not_in_e164_is_completed_by_nobody(text: str) -> None:
    assert personal_addresses.read(text) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada+shop@example.com", "ada+shop@example.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("JOSE\u0301@example.com", "jos\u00e9@example.com"),
        ("ada@M\u00dcNCHEN.example", "ada@m\u00fcnchen.example"),
    ],
)
def test_an_email_address_has_one_form(written: str, meant: str) -> None:
    assert personal_addresses.read(written) == PersonalAddress(Kind.EMAIL, meant)


@pytest.mark.parametrize(
    "text",
    [
        *("ada", "@example.com", "ada@", "a@b@c", "ada @example.com", "ada@example.com ", "ada@.example.com"),
        *(
            "Ada <ada@example.com>",
            "ada@example.com,eve@example.com",
            "ada@example.com\u200b",
            "ada@example.",
        ),
        *("x" * 65 + "@example.com", "ada@" + "x" * 255, '"ada"@example.com'),
    ],
)
def test_what_is_more_or_less_than_one_address_is_none(text: str) -> None:
    assert personal_addresses.email(text) is None


# A mark composes with large letters, with small ones or with both.
marked = st.text("aEHT\u0130\u0301\u0308\u0331", min_size=2, max_size=12)
letters = st.text(st.characters(categories=["L", "M"]), min_size=1, max_size=8)


@given(st.builds("{}@{}".format, marked, letters))
def test_a_form_is_its_own_form(text: str) -> None:
    found = personal_addresses.read(text)
    assert found is not None
    assert personal_addresses.read(found.value) == found
    assert unicodedata.is_normalized("NFC", found.value)
