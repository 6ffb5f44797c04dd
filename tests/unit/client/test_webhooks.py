import hashlib
import hmac

import pytest

from focal_client import webhooks
from focal_client.webhooks import BadSignature

SECRET, OTHER = "s" * 32, "o" * 32
BODY = b'{"id":"ses_1-5"}'


def v1(secret: str, at: int, body: bytes = BODY) -> str:
    return "v1=" + hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def test_a_post_that_was_signed_with_the_secret_is_believed() -> None:
    webhooks.verify(f"t=1000,{v1(SECRET, 1000)}", BODY, SECRET, now_s=1000)
    webhooks.verify(f"t=1000, {v1(SECRET, 1000)}", BODY, SECRET, now_s=1300)
    webhooks.verify(f"t=1000,{v1(SECRET, 1000)}", BODY, SECRET, now_s=700)


def test_while_secrets_are_exchanged_either_will_do() -> None:
    both = f"t=1000,{v1(OTHER, 1000)},{v1(SECRET, 1000)}"
    webhooks.verify(both, BODY, SECRET, now_s=1000)
    webhooks.verify(f"t=1000,{v1(SECRET, 1000)}", BODY, [OTHER, SECRET], now_s=1000)


@pytest.mark.parametrize(
    ("header", "body", "now_s"),
    [
        (f"t=1000,{v1(OTHER, 1000)}", BODY, 1000),
        (f"t=1001,{v1(SECRET, 1000)}", BODY, 1000),
        (f"t=1000,{v1(SECRET, 1000)}", BODY + b" ", 1000),
        (f"t=1000,{v1(SECRET, 1000)}", BODY, 1301),
        (f"t=1000,{v1(SECRET, 1000)}", BODY, 699),
        (v1(SECRET, 1000), BODY, 1000),
        ("t=1000", BODY, 1000),
        (f"t=x,{v1(SECRET, 1000)}", BODY, 1000),
        (f"t=1000,t=1000,{v1(SECRET, 1000)}", BODY, 1000),
        ("t=1000,v1=é", BODY, 1000),
        ("", BODY, 1000),
    ],
)
def test_anything_else_is_not(header: str, body: bytes, now_s: float) -> None:
    with pytest.raises(BadSignature):
        webhooks.verify(header, body, SECRET, now_s=now_s)
