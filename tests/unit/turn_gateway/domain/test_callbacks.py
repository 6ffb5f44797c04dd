import pytest

from focal_turn_gateway.domain import callbacks
from focal_turn_gateway.domain.callbacks import Callback, Callbacks
from focal_turn_gateway.domain.deliveries import Verdict


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.TAKEN),
        (204, Verdict.TAKEN),
        (302, Verdict.UNKNOWN),
        (400, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (408, Verdict.UNKNOWN),
        (429, Verdict.NOT_NOW),
        (500, Verdict.UNKNOWN),
        (503, Verdict.UNKNOWN),
    ],
)
def test_an_answer_says_whether_the_customer_may_have_the_part(status: int, verdict: Verdict) -> None:
    answer = callbacks.answered(status)
    assert answer.verdict is verdict
    assert (str(status) in answer.reason) is (verdict is not Verdict.TAKEN)


def test_without_an_answer_it_matters_whether_anything_left() -> None:
    assert callbacks.broken("away", sent=False).verdict is Verdict.NOT_NOW
    assert callbacks.broken("cut", sent=True).verdict is Verdict.UNKNOWN


def test_a_tenants_own_callback_comes_first_and_others_have_none() -> None:
    made = {
        name: Callback(name, "https://example.com/", "s" * 32) for name in ("sms", "acme.sms", "acme.web")
    }
    chosen = Callbacks(made)
    assert chosen.name("acme", "sms") == "acme.sms"
    assert chosen.name("umbrella", "sms") == "sms"
    assert chosen.name("umbrella", "web") == ""
    assert "s" * 32 not in repr(made["sms"])
