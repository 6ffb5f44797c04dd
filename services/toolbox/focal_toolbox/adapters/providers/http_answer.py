"""What an HTTP answer, or its absence, says about the world."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from focal_kernel import canonical_json
from focal_toolbox.adapters.providers import http_words
from focal_toolbox.adapters.providers.http_reading import AS_IT_IS, Reading
from focal_toolbox.domain.answer import Answer, Verdict

_UNDECIDED = {408}
"""The server stopped reading the request, or a proxy stopped waiting for the server."""
_REFUSED_FOR_NOW = {425, 429}
_TELLS_WHEN = {429, 503}


def success(body: bytes, reading: Reading = AS_IT_IS) -> Answer:
    """2xx with its body; no body is `null`. Anything but JSON leaves the world unknown: it may come
    from something in between."""
    try:
        value = canonical_json.loads(body.decode()) if body.strip() else None
    except ValueError:
        return Answer(Verdict.UNKNOWN, reason="invalid_response", message="the provider's answer is no JSON")
    return reading.judge(value)


def failure(status: int, body: bytes, reading: Reading = AS_IT_IS, retry_after: str = "") -> Answer:
    """Any other status. 4xx is a refusal, everything else may come after the deed."""
    message = f"the provider answered with status {status}"
    wait_s = seconds(retry_after) if status in _TELLS_WHEN else 0.0
    if 400 <= status < 500 and status not in _UNDECIDED:
        return Answer(
            Verdict.UNCHANGED,
            reason=_stated(body, reading) or f"http_{status}",
            message=message,
            transient=status in _REFUSED_FOR_NOW,
            retry_after_s=wait_s,
        )
    return Answer(
        Verdict.UNKNOWN,
        reason=f"http_{status}",
        message=message,
        transient=status >= 500 or status in _UNDECIDED,
        retry_after_s=wait_s,
    )


def too_large(limit: int) -> Answer:
    """A success whose body is not read to its end."""
    return Answer(
        Verdict.UNKNOWN,
        reason="response_too_large",
        message=f"the provider's answer is longer than {limit} bytes",
    )


def encoded() -> Answer:
    """A success whose body is compressed although that was not asked for: a small one may become huge."""
    message = "the provider's answer is compressed, which the request did not allow"
    return Answer(Verdict.UNKNOWN, reason="invalid_response", message=message)


def redirect_refused(why: str) -> Answer:
    """A redirect that is not followed."""
    message = f"the provider redirects to where the call must not go: {why}"
    return Answer(Verdict.UNKNOWN, reason="redirect_refused", message=message)


def address_refused() -> Answer:
    """The host's name leads to an address that may not be reached; no connection was opened."""
    return Answer(
        Verdict.UNCHANGED,
        reason="address_not_allowed",
        message="the host resolves to an address that the toolbox setting outbound.networks does not allow",
    )


def broken(reason: str, message: str, *, sent: bool) -> Answer:
    """No answer; `sent` tells whether anything of the request had left."""
    verdict = Verdict.UNKNOWN if sent else Verdict.UNCHANGED
    return Answer(verdict, reason=reason, message=message, transient=True)


def seconds(retry_after: str) -> float:
    """The wait that a Retry-After header (RFC 9110 §10.2.3) asks for, in seconds; 0 when it asks for none."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _stated(body: bytes, reading: Reading) -> str:
    """The provider's own word for a refusal: where the definition finds it, else in a usual place."""
    try:
        found: Any = canonical_json.loads(body.decode())
    except ValueError:
        return ""
    return reading.reason(found) or http_words.usual(found)
