"""How effects in doubt are asked about."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class CheckSettings(settings.Section):
    """Checks of effects in doubt, for tools whose definition names one."""

    tries: int = Field(
        20, ge=0, description="times an effect is asked about in the background; 0 to leave that to people"
    )
    first_pause_s: float = Field(
        1, gt=0, description="seconds from the doubt to the first question; the pauses double"
    )
    longest_pause_s: float = Field(300, gt=0, description="longest pause between two questions, seconds")
    after_s: float = Field(
        300,
        ge=0,
        description="seconds a doubt must be old before the answer that nothing happened is believed: longer"
        " than a request may be under way to any provider",
    )
    within_s: float = Field(30, gt=0, description="seconds one question may take, its repetitions included")
    at_once: int = Field(8, gt=0, description="effects one toolbox asks about at a time")
    poll_s: float = Field(1, gt=0, description="seconds between looks for effects to ask about")
    follow_up: bool = Field(
        True,
        description="whether a customer who was told of a doubt is told of its end by a turn of its own, and"
        " not only when they write again",
    )
