"""What the demonstration claims, and whether it held."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from focal_cli import render


@dataclass(frozen=True)
class Claim:
    """One thing that must hold, with what was expected and what was seen."""

    scene: str
    text: str
    expected: str
    seen: str

    @property
    def holds(self) -> bool:
        """Whether what was seen is what was expected."""
        return self.seen == self.expected


def claim(scene: str, text: str, *, expected: object, seen: object) -> Claim:
    """A claim about two values of any kind, compared as they are shown."""
    return Claim(scene, text, str(expected), str(seen))


def to_json(claims: Sequence[Claim]) -> dict[str, Any]:
    """All claims and the verdict, for machines."""
    listed = [asdict(each) | {"holds": each.holds} for each in claims]
    return {"holds": all_hold(claims), "claims": listed}


def all_hold(claims: Sequence[Claim]) -> bool:
    """Whether every claim holds; a play that was cut off before any claim holds nothing."""
    return bool(claims) and all(each.holds for each in claims)


def show(claims: Iterable[Claim]) -> None:
    """All claims as a table, for people."""
    rows = [
        ("[green]✓[/]" if each.holds else "[red]✗[/]", each.scene, each.text, _seen(each)) for each in claims
    ]
    render.table("What happened", ("", "scene", "claim", "seen"), rows)


def _seen(shown: Claim) -> str:
    """What was seen; what was expected is worth its room only when it differs."""
    words = {"True": "yes", "False": "no"}
    seen, expected = (words.get(each, render.short_id(each)) for each in (shown.seen, shown.expected))
    return seen if shown.holds else f"{seen} instead of {expected}"
