"""When a burst of messages is one turn."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from focal_service_kit import settings
from focal_turn_gateway.domain.accumulation import Fixed, Mode, Off
from focal_turn_gateway.domain.adaptive import Adaptive, Figures
from focal_turn_gateway.ports.accumulation import AccumulationPolicy


class AdaptiveWindow(settings.Section):
    """The numbers of mode adaptive (DOMAIN §2.5). Those of a shape are added to the channel's base."""

    greeting_ms: int = Field(500, description="added when the message is only a greeting, ms")
    fragment_ms: int = Field(400, description="added when it ends in an ellipsis, comma, dash or colon, ms")
    entity_ms: int = Field(600, description="added when it ends in a thing whose number is missing, ms")
    short_ms: int = Field(200, description="added when it has fewer than `short_words` words, ms")
    complete_ms: int = Field(-300, description="added when a mark, a thanks or a please ends it, ms")
    likely_ms: int = Field(0, description="added when none of these fits, ms")
    short_words: int = Field(3, ge=0, description="words below which a message counts as short")
    cadence_share: float = Field(
        0.4, ge=0, le=1, description="share of the window that is the customer's own cadence, once known"
    )
    cadence_gaps: int = Field(5, ge=1, description="gaps from which on a customer's cadence is known")
    awaiting_field_ms: int = Field(1000, description="added when the last reply asked for a field, ms")
    followup_ms: int = Field(500, description="added when the last reply expects the customer to go on, ms")
    decay: float = Field(0.8, gt=0, le=1, description="factor per message of the window after its first")
    min_ms: int = Field(200, ge=0, le=60_000, description="shortest window of a channel that has one, ms")
    max_ms: int = Field(3000, ge=0, le=60_000, description="longest window, ms")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_ms > self.max_ms:
            raise ValueError("min_ms must not be above max_ms")
        return self


class LearntRhythm(settings.Section):
    """What is learnt of a customer's writing and shown to the policy."""

    gap_min_ms: int = Field(
        100, ge=0, description="shortest pause between messages that is learnt, ms; below they came together"
    )
    gap_max_ms: int = Field(
        30_000, ge=0, le=3_600_000, description="longest pause that is learnt, ms; above begins a new beat"
    )
    gaps_kept: int = Field(
        20, ge=0, le=1000, description="pauses kept per customer and channel, the latest; 0 learns none"
    )
    earlier_texts: int = Field(4, ge=0, description="messages of the same window shown to the policy")
    earlier_chars: int = Field(200, ge=1, description="characters of each of them")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.gap_min_ms > self.gap_max_ms:
            raise ValueError("gap_min_ms must not be above gap_max_ms")
        return self


class EarlyFinish(settings.Section):
    """Ask a model, through the pipeline, whether a long window may end early."""

    enabled: bool = Field(False, description="whether to ask at all; each question is a small model call")
    over_ms: int = Field(1000, ge=0, description="windows that are longer are judged, ms")
    after_share: float = Field(0.5, ge=0, lt=1, description="share of the window after which to ask")
    after_ms: int = Field(0, ge=0, description="ask after so many ms instead; 0 takes the share")
    confidence: float = Field(0.8, ge=0, le=1, description="confidence above which a window ends")
    timeout_s: float = Field(1, gt=0, description="seconds a judgement may take; the window waits no longer")


class Accumulation(settings.Section):
    """When a burst of messages is one turn."""

    mode: Mode = Field(
        Mode.ADAPTIVE,
        description="off answers at once, fixed waits the same everywhere, adaptive judges each message",
    )
    fixed_ms: int = Field(800, ge=0, le=60_000, description="pause that ends a turn in mode fixed, ms")
    channel_ms: dict[str, Annotated[int, Field(ge=0, le=60_000)]] = Field(
        default_factory=dict,
        description="channel name to base in ms, instead of the registered one; 0 answers at once",
    )
    adaptive: AdaptiveWindow = AdaptiveWindow()
    max_wait_ms: int = Field(
        10_000, ge=0, description="longest wait from the first unanswered message on, ms"
    )
    typing_ms: int = Field(
        3000, ge=0, description="pause from a sign of typing on, while a window is open, ms; 0 ignores typing"
    )
    typing_stopped_ms: int = Field(
        500, ge=0, description="what is left of that pause at least when the typing stops, ms"
    )
    rhythm: LearntRhythm = LearntRhythm()
    early_finish: EarlyFinish = EarlyFinish()

    def policy(self) -> AccumulationPolicy:
        """The policy these settings describe."""
        if self.mode is Mode.OFF:
            return Off()
        if self.mode is Mode.FIXED:
            return Fixed(self.fixed_ms)
        return Adaptive(Figures(**self.adaptive.model_dump()))
