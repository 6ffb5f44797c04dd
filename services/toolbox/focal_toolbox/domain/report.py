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

from focal_kernel import ids
from focal_toolbox.domain.effect import Effect, State

PREFIX = "frt_"
"""Lets scanners for secrets know a token when they see one."""
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
