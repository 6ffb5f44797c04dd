"""The adaptive window of DOMAIN §2.5: channel base, shape of the latest text, cadence, hint, decay, clamp."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from focal_turn_gateway.domain.accumulation import AggregationReason, Hint, Situation, Window
from focal_turn_gateway.domain.shape import Shape, judge


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of the adaptive window; `_ms` are milliseconds, defaults are DOMAIN §2.5's.

    The shapes' figures are added to the channel's base; `cadence_share` of the window is the customer's own
    cadence once `cadence_gaps` gaps are known; `decay` multiplies per message after a window's first.
    """

    greeting_ms: int = 500
    fragment_ms: int = 400
    entity_ms: int = 600
    short_ms: int = 200
    complete_ms: int = -300
    likely_ms: int = 0
    short_words: int = 3
    cadence_share: float = 0.4
    cadence_gaps: int = 5
    awaiting_field_ms: int = 1000
    followup_ms: int = 500
    decay: float = 0.8
    min_ms: int = 200
    max_ms: int = 3000


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Judges the latest text, never the first: what the customer wrote last says whether more will come."""

    figures: Figures

    def reads_rhythm(self, base_ms: int) -> bool:
        """Not for a channel that brings whole turns."""
        return base_ms > 0

    def window(self, situation: Situation) -> Window:
        """The pause after the latest message. A channel without a base answers at once: the clamp's minimum
        is for windows, and there is none.
        """
        if situation.base_ms == 0:
            return Window(0, AggregationReason.CHANNEL)
        shape = judge(situation.text, self.figures.short_words)
        pause_ms = self._pause_ms(situation, shape)
        unhinted = replace(situation, rhythm=replace(situation.rhythm, hint=Hint()))
        if pause_ms != self._pause_ms(unhinted, shape):
            return Window(pause_ms, AggregationReason.PIPELINE_HINT)
        complete = shape in {Shape.COMPLETE, Shape.LIKELY}
        return Window(pause_ms, AggregationReason.ADAPTIVE if complete else AggregationReason.TIMEOUT)

    def _pause_ms(self, situation: Situation, shape: Shape) -> int:
        figures, rhythm = self.figures, situation.rhythm
        pause = float(situation.base_ms + self._by_shape[shape])
        if shape is Shape.COMPLETE:
            pause = max(pause, figures.min_ms)
        if len(rhythm.gaps_ms) >= figures.cadence_gaps:
            pause += figures.cadence_share * (typical_ms(rhythm.gaps_ms) - pause)
        pause += figures.awaiting_field_ms * rhythm.hint.awaiting_required_field
        pause += figures.followup_ms * rhythm.hint.expects_followup
        pause *= figures.decay ** (situation.position - 1)
        return round(min(max(pause, figures.min_ms), figures.max_ms))

    @property
    def _by_shape(self) -> Mapping[Shape, int]:
        figures = self.figures
        return {
            Shape.GREETING: figures.greeting_ms,
            Shape.FRAGMENT: figures.fragment_ms,
            Shape.ENTITY: figures.entity_ms,
            Shape.COMPLETE: figures.complete_ms,
            Shape.SHORT: figures.short_ms,
            Shape.LIKELY: figures.likely_ms,
        }


def typical_ms(gaps_ms: Sequence[int]) -> float:
    """A customer's typical pause: the mean of the median and the 95th percentile, both interpolated."""
    return (percentile(gaps_ms, 0.5) + percentile(gaps_ms, 0.95)) / 2


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of at least one value lies, interpolated between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
