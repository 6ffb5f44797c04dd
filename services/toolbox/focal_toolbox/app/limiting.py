"""The part of the composition root that builds what holds calls back."""

from __future__ import annotations

from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.settings import ToolboxSettings


def turn_calls(settings: ToolboxSettings) -> TurnCalls:
    """What counts the calls of each turn."""
    return TurnCalls(settings.turns.calls, settings.turns.kept, settings.turns.kept_s)
