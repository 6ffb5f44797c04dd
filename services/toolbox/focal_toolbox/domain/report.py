"""Results that are reported later: the token that allows one report, and what a report says.

    PREPARED ── the provider takes the request on ──► ACCEPTED ── report ──► DONE | FAILED
                                                         └── none in time ──► IN_DOUBT

The token is a secret between the toolbox and the provider: the ledger keeps its hash only.
"""

from __future__ import annotations

import enum
import hashlib
import re
import secrets
from dataclasses import dataclass

from focal_kernel import canonical_json, ids
from focal_toolbox.domain.effect import Effect, State

PREFIX = "frt_"
"""Lets scanners for secrets know a token when they see one."""
UNSTATED = "provider_error"
"""Reason of a failure that names none."""

_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_RANDOM_BYTES = 32
_TOKEN = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """A token that nobody guesses: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def wellformed(token: str) -> bool:
    """Whether a text can be a token at all."""
    return _TOKEN.fullmatch(token) is not None


def token_hash(token: str) -> str:
    """What the ledger keeps and finds it by; how long a look for a hash takes tells nothing of the token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Promise:
    """A result that is to be reported: with which token, within how many seconds, and for how many seconds
    the call itself waits for it once the provider has taken the request on.
    """

    token: str
    within_s: float
    awaited_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider reports: DONE with its result as canonical JSON, or FAILED with its reason."""

    state: State
    result_json: str = ""
    error_reason: str = ""

    @property
    def digest(self) -> str:
        """Equal for reports of the same content."""
        return ids.digest("report", self.state, self.result_json, self.error_reason)


def done(result_json: str, max_bytes: int) -> Report:
    """The work is done, with a result of at most `max_bytes` as canonical JSON, `null` when empty.

    ValueError, which says what is wrong with the result, otherwise.
    """
    # Cut off before it is parsed: canonical text is at most a few times shorter than what was written.
    if len(result_json.encode(errors="replace")) > 4 * max_bytes:
        raise _too_long(max_bytes)
    try:
        canonical = canonical_json.dumps(canonical_json.loads(result_json or "null"))
    except ValueError:
        raise ValueError("must be JSON") from None
    if len(canonical.encode()) > max_bytes:
        raise _too_long(max_bytes)
    return Report(State.DONE, result_json=canonical)


def failed(reason: str) -> Report:
    """The work was not done, for a reason in one word; ValueError when it is none."""
    if not _REASON.fullmatch(reason or UNSTATED):
        raise ValueError("must be a word of at most 64 letters, digits, '_', '.' and '-'")
    return Report(State.FAILED, error_reason=(reason or UNSTATED).lower())


def _too_long(max_bytes: int) -> ValueError:
    return ValueError(f"must be at most {max_bytes} bytes of canonical JSON")


class Share(enum.StrEnum):
    """Whose a report is, at the end of a call's wait."""

    TAKEN = "TAKEN"
    """The call's: no follow-up turn tells it."""
    LEFT = "LEFT"
    """A follow-up turn's: it tells it, or has done so."""
    NONE = "NONE"
    """There is none; when it comes, a follow-up turn tells it."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A turn that is to be opened because of an effect; `attempts` counts the tries, this one included."""

    effect: Effect
    attempts: int
