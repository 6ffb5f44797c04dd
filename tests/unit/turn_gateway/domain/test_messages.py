import pytest

from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.messages import Address, Content, Submission
from tests.fakes.turn_gateway import submission


def content(text: str, metadata: dict[str, str] | None = None, provider_id: str = "") -> Content:
    return Content.checked(text, metadata or {}, provider_id, max_chars=10)


@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "  hi  ",
        "?",
        "\u0645\u0631\u062d\u0628\u0627",
        "\u202e\u05e9\u05dc\u05d5\u05dd\u202c",
        "\U0001f44d\U0001f3fd",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1e9\U0001f1ea",
        "e\u0301",
        "\ufe0f1\u20e3",
        "\u4e2d",
        "\ue000",
    ],
)
def test_text_with_a_visible_character_is_taken_as_it_is(text: str) -> None:
    assert content(text).text == text


def test_a_character_newer_than_our_tables_counts_as_visible() -> None:
    unassigned = "\U0001fae9"  # an emoji of Unicode 16
    assert content(unassigned).text == unassigned


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t\r",
        "\u00a0\u2003\u3000",
        "\u200b",
        "\u200d\u200c\u2060\ufeff",
        "\u200e\u200f\u202a\u202c",
        "\u00ad",
        "\u0301\ufe0f",
        "\u2800",
        "\u3164",
        "\u115f\u1160\uffa0",
        "\U000e0041",
        "\x07",
    ],
)
def test_text_without_a_visible_character_is_refused(text: str) -> None:
    with pytest.raises(errors.EmptyText) as caught:
        content(text)
    assert caught.value.reason == "EMPTY_TEXT"
    assert caught.value.violations[0].field == "content.text"


def test_the_limit_counts_characters_and_not_bytes() -> None:
    assert content("中" * 10).text == "中" * 10
    with pytest.raises(errors.TextTooLong) as caught:
        content("x" * 11)
    assert caught.value.metadata == {"length": "11", "limit": "10"}


def test_a_nul_is_refused_before_it_meets_a_database_that_cannot_hold_it() -> None:
    with pytest.raises(errors.InvalidField):
        content("a\x00b")


@pytest.mark.parametrize(
    "metadata",
    [
        {"": "x"},
        {"k": "\x00"},
        {"k": "x" * 256},
        {"k": "中" * 86},
        {str(n): "" for n in range(33)},
    ],
)
def test_metadata_over_a_limit_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        content("hi", metadata)
    assert caught.value.violations[0].field == "content.metadata"


def test_metadata_up_to_its_limits_is_kept() -> None:
    metadata = {f"{n:02}": "x" * 254 for n in range(32)}
    assert content("hi", metadata).metadata == metadata


@pytest.mark.parametrize(
    ("agent", "user"),
    [("a:b", "u"), ("", "u"), ("a" * 65, "u"), ("a\n", "u"), ("a", ""), ("a", "u\x1b"), ("a", "é" * 129)],
)
def test_an_address_with_a_bad_id_is_refused(agent: str, user: str) -> None:
    with pytest.raises(kernel_errors.InvalidArgument) as caught:
        Address.checked(agent, "web", user, channel_catalogue.registry())
    assert caught.value.reason == "INVALID_ID"


def test_customers_may_be_named_by_any_text() -> None:
    address = Address.checked("desk", "webchat", "ada:lovelace+1@example.org", channel_catalogue.registry())
    assert address.channel == "web"


def test_a_request_id_is_checked_like_a_foreign_id() -> None:
    good = submission()
    assert Submission.checked("acme", good.address, good.content, "").request_id == ""
    with pytest.raises(kernel_errors.InvalidArgument):
        Submission.checked("acme", good.address, good.content, "r" * 257)


def test_the_content_hash_tells_what_a_repeat_must_repeat() -> None:
    same = {submission("a", "r1").content_hash, submission("a", "r2").content_hash}
    other = {submission("b").content_hash, submission("a", user="+4931").content_hash}
    assert len(same) == 1
    assert len(same | other) == 3


def test_the_same_user_id_on_two_channels_is_two_customers() -> None:
    web, sms = (
        Submission("acme", Address("desk", channel, "1"), submission().content, "")
        for channel in ("web", "sms")
    )
    assert web.channel_user_hash != sms.channel_user_hash
