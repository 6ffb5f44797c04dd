"""What an HTTP answer, or its absence, says about the world."""

from __future__ import annotations

import re
from typing import Any

from focal_kernel import canonical_json
from focal_toolbox.domain.answer import Answer, Verdict

_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_UNDECIDED = {408}
"""The server stopped reading the request, or a proxy stopped waiting for the server."""
_REFUSED_FOR_NOW = {425, 429}


def success(body: bytes) -> Answer:
    """2xx with its body; no body is `null`. Anything but JSON leaves the world unknown: it may come
    from something in between."""
    try:
        text = canonical_json.dumps(canonical_json.loads(body.decode())) if body.strip() else "null"
    except ValueError:
        return Answer(Verdict.UNKNOWN, reason="invalid_response", message="the provider's answer is no JSON")
    return Answer(Verdict.DONE, result_json=text)


def failure(status: int, body: bytes) -> Answer:
    """Any other status. 4xx is a refusal, everything else may come after the deed."""
    message = f"the provider answered with status {status}"
    if 400 <= status < 500 and status not in _UNDECIDED:
        return Answer(
            Verdict.UNCHANGED,
            reason=_stated(body) or f"http_{status}",
            message=message,
            transient=status in _REFUSED_FOR_NOW,
        )
    return Answer(
        Verdict.UNKNOWN,
        reason=f"http_{status}",
        message=message,
        transient=status >= 500 or status in _UNDECIDED,
    )


def too_large(limit: int) -> Answer:
    """A success whose body is not read to its end."""
    return Answer(
        Verdict.UNKNOWN,
        reason="response_too_large",
        message=f"the provider's answer is longer than {limit} bytes",
    )


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


def _stated(body: bytes) -> str:
    """The provider's own word for a refusal, when it gives one in a usual place; never free text."""
    try:
        found = canonical_json.loads(body.decode())
    except ValueError:
        return ""
    for word in _candidates(found):
        if isinstance(word, str) and _REASON.fullmatch(word):
            return word.lower()
    return ""


def _candidates(found: Any) -> list[Any]:
    if not isinstance(found, dict):
        return []
    error = found.get("error")
    inner = [error.get("code"), error.get("reason")] if isinstance(error, dict) else [error]
    return [*inner, found.get("code"), found.get("reason")]
