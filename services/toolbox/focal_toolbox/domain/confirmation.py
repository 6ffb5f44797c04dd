"""A yes to one exact call: this tool with these arguments in this session, once.

    (none) ── a call needs it ──► ASKED ── yes ──► ACCEPTED ── a call reserves ──► USED
                                    │ └── no ──► DECLINED ◄── no ──┤
                                    └────── time is up ────────────┴──► EXPIRED

One that is USED lets the call pass that used it, recognised by its key, and no other.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from focal_kernel import canonical_json, ids
from focal_toolbox.domain.order import Arguments

LONGEST_PROMPT = 4000
"""Characters of a question; arguments can be longer than anybody reads."""

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Approver(enum.StrEnum):
    """Who has to say yes."""

    CUSTOMER = "CUSTOMER"
    OPERATOR = "OPERATOR"


class Standing(enum.StrEnum):
    """Where a confirmation stands."""

    ASKED = "ASKED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    USED = "USED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Question:
    """A yes that a call needs: whose, asked how, and the seconds it may stay open or unused."""

    approver: Approver
    prompt: str
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that needs a yes; `used_by` is the key that tells it from all other calls, `turn_group_id` where
    it is made.
    """

    tenant_id: str
    session_id: str
    turn_group_id: str
    tool_name: str
    arguments_json: str
    used_by: str

    @property
    def arguments_hash(self) -> str:
        """What the yes is bound to, beside tool and session."""
        return arguments_hash(self.arguments_json)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One question and what became of it; `position` counts them, `used_by` is the key of the call that
    used it.
    """

    confirmation_id: str
    position: int
    tenant_id: str
    session_id: str
    tool_name: str
    arguments_json: str
    prompt: str
    approver: Approver
    state: Standing
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    answered_by: str = ""
    used_by: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody's answer. `turn_group_id`: where a no was given, empty outside a turn."""

    tenant_id: str
    session_id: str
    confirmation_id: str
    accepted: bool
    approver: Approver
    answered_by: str
    request_id: str = ""
    turn_group_id: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which confirmations to list, newest first; `before` is a position, None for the newest."""

    tenant_id: str
    session_id: str = ""
    state: Standing | None = None
    before: int | None = None
    limit: int = 20


def arguments_hash(canonical: str) -> str:
    """Equal for equal arguments only."""
    return ids.digest("arguments", canonical)


def prompt(tool_name: str, text: str, arguments: Arguments) -> str:
    """The question with every `{argument}` filled.

    Without a text, or with a place that the arguments do not fill, it names the tool and all arguments: who
    answers has to know to what.
    """
    places = set(_PLACE.findall(text))
    if not text or not places <= arguments.values.keys():
        text = _plain(tool_name, arguments.values)
    else:
        text = _PLACE.sub(lambda place: _spoken(arguments.values[place[1]]), text)
    return text if len(text) <= LONGEST_PROMPT else text[: LONGEST_PROMPT - 1] + "…"


def _plain(tool_name: str, values: Mapping[str, Any]) -> str:
    listed = ", ".join(f"{name} {_spoken(value)}" for name, value in values.items())
    return f"May I run {tool_name} with {listed}?" if listed else f"May I run {tool_name}?"


def _spoken(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
    return canonical_json.dumps(value)
