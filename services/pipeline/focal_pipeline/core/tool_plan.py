"""The artifact `tool_plan`: what a turn set out to do, durable before its first effect.

Another attempt that finds it does not decide again: it takes the messages, values, path and calls
from the plan, so that every effect key is the same and the ledger repeats nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from focal_kernel import canonical_json, ids
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.tools import Call, Origin, Planned
from focal_pipeline.domain.turn import Artifact, Turn

NAME = "tool_plan"
FINGERPRINT_HEX = 16


@dataclass(frozen=True, slots=True)
class StoredCall:
    """One call of the plan; `origin` finds its binding in the bundle again."""

    origin: Origin
    tool_name: str
    arguments_json: str
    turn_group_id: str
    occurrence: int


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What an earlier attempt set out to do; `scenario_id` is empty when no scenario ran, `agreed` is the
    customer's answer to the call that waited, None when there was none.
    """

    config_version: int
    message_ids: tuple[str, ...]
    values: Mapping[str, Any]
    scenario_id: str
    path: tuple[str, ...]
    started: bool
    calls: tuple[StoredCall, ...]
    agreed: bool | None = None

    def call_of(self, planned: Planned) -> StoredCall | None:
        """The stored call of a bound tool."""
        return next(
            (c for c in self.calls if (c.origin, c.tool_name) == (planned.origin, planned.tool_name)), None
        )


def artifact(
    turn: Turn,
    config_version: int,
    values: Mapping[str, Any],
    course: Course | None,
    calls: Iterable[tuple[Planned, Call]],
    agreed: bool | None = None,
) -> Artifact:
    """The plan as it stands before the next effect."""
    data = {
        "bundle_version": config_version,
        "messages": [message.message_id for message in turn.messages],
        "variables": dict(values),
        "scenario": course.scenario.scenario_id if course else "",
        "path": list(course.path) if course else [],
        "started": bool(course and course.started),
        "agreed": agreed,
        "calls": [_call_to_json(planned, call) for planned, call in calls],
    }
    return Artifact(NAME, canonical_json.dumps(data), _fingerprint(turn), _hash(str(config_version)))


def stored(turn: Turn) -> StoredPlan | None:
    """The plan to follow: one made for these very messages, or any once the group has effects."""
    found = turn.artifact(NAME)
    if found is None:
        return None
    if found.input_fingerprint != _fingerprint(turn) and not turn.prior_effects:
        return None
    return _read(canonical_json.loads(found.data_json))


def _read(data: Mapping[str, Any]) -> StoredPlan:
    return StoredPlan(
        config_version=data["bundle_version"],
        message_ids=tuple(data["messages"]),
        values=data["variables"],
        scenario_id=data["scenario"],
        path=tuple(data["path"]),
        started=data["started"],
        calls=tuple(map(_call_from_json, data["calls"])),
        agreed=data.get("agreed"),
    )


def _call_to_json(planned: Planned, call: Call) -> Mapping[str, Any]:
    return {
        "tool": call.tool_name,
        "arguments": call.arguments_json,
        "occurrence": call.occurrence,
        "policy": call.policy.value,
        "turn_group": call.turn_group_id,
        "rule": planned.origin.rule_id,
        "scenario": planned.origin.scenario_id,
        "step": planned.origin.step_id,
    }


def _call_from_json(data: Mapping[str, Any]) -> StoredCall:
    return StoredCall(
        origin=Origin(data["rule"], data["scenario"], data["step"]),
        tool_name=data["tool"],
        arguments_json=data["arguments"],
        turn_group_id=data["turn_group"],
        occurrence=data["occurrence"],
    )


def _fingerprint(turn: Turn) -> str:
    return _hash(turn.cause.value, *(message.message_id for message in turn.messages))


def _hash(*parts: str) -> str:
    return ids.digest(*parts)[:FINGERPRINT_HEX]
