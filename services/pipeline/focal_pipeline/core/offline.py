"""The offline model: no language model at all. It words a reply from the response plan alone.

Deterministic, so that the mesh runs, demonstrates and degrades without a key; it never invents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from focal_pipeline.core.response_plan import ResponsePlan
from focal_pipeline.ports import Recalled

MOST_SUGGESTIONS = 3
"""More prepared texts in one reply read like a leaflet."""
MOST_RECALLED = 2
NOT_FOUND = "I am sorry, I could not find anything under that."
NOT_KNOWN = "I am sorry, I could not find that out just now."

_ASKS_MEMORY = re.compile(
    r"\b(remember|recall|remind me|last time|earlier|previously|did i (say|tell|mention)|what did i"
    r"|do you know (my|about me)|erinner\w*|letztes mal|souvien\w*|recuerd\w*)\b",
    re.IGNORECASE,
)
_SAY = re.compile(
    r"^\s*(?:please\s+)?(?:(?:tell|inform|remind)\s+(?:the\s+)?(?:customer|user|caller|them)"
    r"|let\s+(?:the\s+)?(?:customer|user|them)\s+know|say|explain|answer|state|mention|reply)"
    r"(?:\s+that|\s*:)\s+(?P<what>.+)$",
    re.IGNORECASE | re.DOTALL,
)


def compose(plan: ResponsePlan, text: str, recalled: Sequence[Recalled]) -> str | None:
    """A reply to the customer's text, or None when the plan gives nothing to say."""
    suggestions = list(plan.suggestions)
    if plan.asks:  # one question is enough, and it is the scenario's
        suggestions = [suggestion for suggestion in suggestions if "?" not in suggestion]
    parts = [
        *suggestions[:MOST_SUGGESTIONS],
        *(said for statement in plan.statements if (said := _as_said(statement))),
        *_remembered(text, recalled),
    ]
    if plan.failed and not parts:
        parts.append(NOT_FOUND if plan.not_found else NOT_KNOWN)
    parts.extend(plan.asks)
    return " ".join(dict.fromkeys(part.strip() for part in parts)) or None


def _as_said(statement: str) -> str | None:
    """An instruction such as `Tell the customer that …` as what is then said; None for any other,
    because `Be polite` is not for the customer's eyes.
    """
    match = _SAY.match(statement)
    if match is None:
        return None
    said = match["what"].strip()
    ended = said if said.endswith((".", "!", "?")) else f"{said}."
    return ended[0].upper() + ended[1:]


def _remembered(text: str, recalled: Sequence[Recalled]) -> list[str]:
    """What the customer said before, when that is what is asked."""
    if not _ASKS_MEMORY.search(text):
        return []
    asked = set(text.splitlines())
    said = [r.content.strip() for r in recalled if r.speaker == "customer" and r.content not in asked]
    quotes = [f"“{content}”" for content in dict.fromkeys(said) if not _ASKS_MEMORY.search(content)]
    return [f"Earlier you told me: {' and '.join(quotes[:MOST_RECALLED])}."] if quotes else []
