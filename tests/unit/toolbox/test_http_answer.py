from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from focal_toolbox.adapters.providers import http_answer
from focal_toolbox.domain.answer import Verdict


@pytest.mark.parametrize(
    ("status", "verdict", "transient"),
    [
        (301, Verdict.UNKNOWN, False),
        (400, Verdict.UNCHANGED, False),
        (404, Verdict.UNCHANGED, False),
        (408, Verdict.UNKNOWN, True),
        (409, Verdict.UNCHANGED, False),
        (429, Verdict.UNCHANGED, True),
        (500, Verdict.UNKNOWN, True),
        (503, Verdict.UNKNOWN, True),
    ],
)
def test_a_status_says_what_is_known_of_the_world(status: int, verdict: Verdict, transient: bool) -> None:
    answer = http_answer.failure(status, b"")
    assert (answer.verdict, answer.transient, answer.reason) == (verdict, transient, f"http_{status}")


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":"ORDER_NOT_FOUND","message":"x"}}',
        b'{"error":"order_not_found"}',
        b'{"code":"order_not_found"}',
        b'{"reason":"Order_Not_Found"}',
    ],
)
def test_a_providers_own_word_is_the_reason(body: bytes) -> None:
    assert http_answer.failure(404, body).reason == "order_not_found"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[1]", b'{"error":"card 4111 1111 declined"}', b'{"code":17}', b'{"code":"x\\ny"}'],
)
def test_free_text_is_no_reason(body: bytes) -> None:
    answer = http_answer.failure(404, body)
    assert answer.reason == "http_404"
    assert "4111" not in answer.message


@pytest.mark.parametrize("body", [b"<html>", b"{", b'{"a":1,"a":2}', b"\xff", b"NaN"])
def test_a_success_that_is_no_json_leaves_the_world_unknown(body: bytes) -> None:
    answer = http_answer.success(body)
    assert (answer.verdict, answer.reason, answer.transient) == (Verdict.UNKNOWN, "invalid_response", False)


@pytest.mark.parametrize(
    ("body", "text"), [(b"", "null"), (b" \n", "null"), (b'{"b":1.0,"a":0}', '{"a":0,"b":1}')]
)
def test_a_success_is_canonical(body: bytes, text: str) -> None:
    assert http_answer.success(body).result_json == text


@pytest.mark.parametrize(("sent", "verdict"), [(True, Verdict.UNKNOWN), (False, Verdict.UNCHANGED)])
def test_a_broken_request_is_doubtful_only_when_it_left(sent: bool, verdict: Verdict) -> None:
    assert http_answer.broken("timeout", "x", sent=sent).verdict is verdict


@pytest.mark.parametrize(
    ("status", "header", "wait_s"),
    [
        (429, "3", 3),
        (503, " 120 ", 120),
        (503, "", 0),
        (429, "soon", 0),
        (429, "-1", 0),
        (429, "1.5", 0),
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", 0),
        (500, "3", 0),
    ],
)
def test_a_provider_says_when_to_come_back(status: int, header: str, wait_s: float) -> None:
    assert http_answer.failure(status, b"", retry_after=header).retry_after_s == wait_s


def test_a_moment_to_come_back_is_counted_from_now() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < http_answer.seconds(format_datetime(later, usegmt=True)) <= 90
