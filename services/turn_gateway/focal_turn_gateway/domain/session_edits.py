"""What an operator may change in a session: checked by its shape alone, its meaning is the pipeline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from focal_kernel import canonical_json, ids
from focal_turn_gateway import errors


@dataclass(frozen=True, slots=True)
class Move:
    """A move within scenarios: to a step, or out of the scenario when `step_id` is empty."""

    scenario_id: str
    step_id: str = ""


@dataclass(frozen=True, slots=True)
class EditLimits:
    """`changes`: variables of one edit; `value_bytes`: of one value as canonical JSON; `variables` and
    `moves`: what a session may hold afterwards.
    """

    changes: int
    value_bytes: int
    variables: int
    moves: int


@dataclass(frozen=True, slots=True)
class Edit:
    """`variables` maps a name to canonical JSON, or to None to remove it; `moves` are made in order."""

    variables: Mapping[str, str | None]
    moves: tuple[Move, ...] = ()

    @classmethod
    def checked(cls, variables: Mapping[str, str], moves: tuple[Move, ...], limits: EditLimits) -> Edit:
        """The edit; a value of JSON `null` removes its variable.

        Raises InvalidField for values and numbers, InvalidArgument (INVALID_ID) for names.
        """
        if not variables and not moves:
            raise errors.InvalidField("variables_json", "set or remove a variable, or name a scenario")
        if len(variables) > limits.changes:
            raise errors.InvalidField("variables_json", f"at most {limits.changes} variables at once")
        for move in moves:
            ids.check_id(move.scenario_id, "scenario_id")
            if move.step_id:
                ids.check_id(move.step_id, "step_id")
        return cls(
            {
                ids.check_id(name, "variables_json"): _value(name, text, limits.value_bytes)
                for name, text in sorted(variables.items())
            },
            moves,
        )

    @property
    def set_names(self) -> tuple[str, ...]:
        """Variables that it sets."""
        return tuple(name for name, value in self.variables.items() if value is not None)

    @property
    def removed_names(self) -> tuple[str, ...]:
        """Variables that it removes."""
        return tuple(name for name, value in self.variables.items() if value is None)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who changes a session, and why."""

    subject: str
    reason: str = ""


def _value(name: str, text: str, most_bytes: int) -> str | None:
    field = f"variables_json[{name}]"
    # White space and escapes make a text longer than its canonical form, but not without bounds.
    if len(text.encode(errors="replace")) > 8 * most_bytes:
        raise errors.InvalidField(field, f"at most {most_bytes} bytes")
    try:
        value = canonical_json.loads(text)
    except canonical_json.NotJson:
        raise errors.InvalidField(field, "is not JSON") from None
    canonical = canonical_json.dumps(value)
    if len(canonical.encode()) > most_bytes:
        raise errors.InvalidField(field, f"at most {most_bytes} bytes")
    return None if value is None else canonical
