"""For receivers of webhooks: tell whether a post is Focal's, before a byte of it is believed."""

import hashlib
import hmac
import time
from collections.abc import Sequence

HEADER = "X-Focal-Signature"
TOLERANCE_S = 300
"""Seconds that a post may be old, or ahead of this clock: a captured one is worthless afterwards."""


class BadSignature(Exception):
    """The post is not Focal's, or was captured and sent again later; answer 401 and forget it."""


def verify(
    header: str,
    body: bytes,
    secrets: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> None:
    """Return when one of ``secrets`` signed ``body``; raises BadSignature.

    ``header`` is the value of ``X-Focal-Signature``, ``body`` the raw bytes as they came: parsed and written
    anew they are others. While secrets are exchanged a post is signed with both. ``now_s`` are seconds since
    1970, by default this machine's.
    """
    at_s, digests = _parsed(header)
    if abs((time.time() if now_s is None else now_s) - at_s) > tolerance_s:
        raise BadSignature("the post is too old, or a clock is wrong")
    signed = f"{at_s}.".encode() + body
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    own = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in known]
    # Every pair is compared, each in constant time: how long it takes tells nothing.
    found = [hmac.compare_digest(one, other) for one in own for other in digests]
    if True not in found:
        raise BadSignature("no signature is by one of the secrets")


def _parsed(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t" and value.isascii() and value.isdigit()]
    digests = [value for name, _, value in pairs if name == "v1" and value.isascii()]
    if len(times) != 1 or not digests or len(times[0]) > 12:
        raise BadSignature("the header is not t=…,v1=…")
    return int(times[0]), digests
