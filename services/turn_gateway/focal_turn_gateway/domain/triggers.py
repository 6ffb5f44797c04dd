"""What opens a turn without a customer message, and what makes calls about turns repeatable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from focal_kernel import canonical_json, ids
from focal_turn_gateway import errors

CAUSES = ("TOOL_RESULT", "TIMER", "OPERATOR", "EFFECT_RESOLVED", "CONFIRMATION")
AWAITED = frozenset({"MESSAGE", "TOOL_RESULT", "EFFECT_RESOLVED", "CONFIRMATION"})
"""Causes whose turn a customer waits for: one that fails owes them a word. The others speak unasked."""


@dataclass(frozen=True, slots=True)
class Request:
    """Makes a call repeatable: equal ids and hashes are the same call; an empty id is never the same."""

    request_id: str
    content_hash: str

    @classmethod
    def checked(cls, request_id: str, *content: str) -> Request:
        """The request of a call with that content. Raises InvalidArgument (INVALID_ID)."""
        if request_id:
            ids.check_foreign_id(request_id, "request_id")
        return cls(request_id, ids.digest(*content))


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a turn shall be opened; `payload_json` is a canonical object, its `text` what the agent hears."""

    tenant_id: str
    session_id: str
    cause: str
    cause_id: str
    payload_json: str

    @classmethod
    def checked(
        cls, tenant_id: str, session_id: str, cause: str, cause_id: str, payload_json: str, *, max_bytes: int
    ) -> Trigger:
        """The trigger with a payload of at most `max_bytes` in canonical form, `{}` when there is none.

        Raises InvalidField and InvalidArgument (INVALID_ID).
        """
        if cause not in CAUSES:
            raise errors.InvalidField("cause", f"one of {', '.join(CAUSES)}")
        ids.check_id(session_id, "session_id")
        ids.check_foreign_id(cause_id, "cause_id")
        return cls(tenant_id, session_id, cause, cause_id, _canonical(payload_json or "{}", max_bytes))


@dataclass(frozen=True, slots=True)
class Triggered:
    """The turn that is open for a cause; `already_open` when an earlier call had opened it."""

    turn_id: str
    already_open: bool


def _canonical(payload_json: str, max_bytes: int) -> str:
    if len(payload_json.encode(errors="replace")) > 4 * max_bytes:
        raise _too_large(max_bytes)
    try:
        payload: Any = canonical_json.loads(payload_json)
    except canonical_json.NotJson:
        raise errors.InvalidField("payload_json", "is not JSON") from None
    if not isinstance(payload, Mapping):
        raise errors.InvalidField("payload_json", "must be a JSON object")
    if not isinstance(payload.get("text", ""), str):
        raise errors.InvalidField("payload_json", "its text must be a string")
    text = canonical_json.dumps(payload)
    if len(text.encode()) > max_bytes:
        raise _too_large(max_bytes)
    return text


def _too_large(max_bytes: int) -> errors.InvalidField:
    return errors.InvalidField("payload_json", f"at most {max_bytes} bytes as canonical JSON")
