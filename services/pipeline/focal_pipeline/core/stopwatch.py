"""Milliseconds per phase, summed when a phase runs twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Stopwatch:
    """Measures the phases of one turn by their names, such as `P4`."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._ms: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the time of the block to the phase."""
        started = self._monotonic()
        try:
            yield
        finally:
            self._ms[name] += (self._monotonic() - started) * 1000

    @property
    def phase_ms(self) -> Mapping[str, float]:
        """Rounded to a microsecond."""
        return {name: round(ms, 3) for name, ms in self._ms.items()}
