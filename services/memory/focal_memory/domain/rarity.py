"""Which words of a question are worth looking up, and what finding each of them is worth.

The words that fewest episodes hold tell most, and cost least to look up. A sum of inverse document
frequencies over the rarest words ranks better than a rank over all of them (Sparck Jones, "A statistical
interpretation of term specificity", 1972; figures in docs/adr/0071).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ASSUMED_COMMON = 0.2
"""Share assumed for a grammar word while nothing is counted: over any sensible limit."""
ASSUMED_RARE = 0.001
"""Share assumed for any other word while nothing is counted: below any sensible limit."""


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Share of episodes, 0…1, that hold each of the common words; other words are rarer than `floor`.

    `episodes` is the number of episodes counted, infinite when unknown.
    """

    shares: Mapping[str, float]
    floor: float
    episodes: float = math.inf

    def share(self, word: str) -> float:
        """The word's share, half the floor when it was not counted."""
        return self.shares.get(word, self.floor / 2)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A word to look up and the natural logarithm of its inverse document frequency."""

    word: str
    weight: float


@dataclass(frozen=True, slots=True)
class Choice:
    """How many words are looked up: at most `words`, none held by more than `share` of the episodes, and
    together expected in no more than `total_share` of them.

    `cheap_matches` episodes are never too many, however large their share is in a small store; and one
    word is always kept.
    """

    words: int = 6
    share: float = 0.05
    total_share: float = 0.1
    cheap_matches: int = 1_000


def assumed(words: Iterable[str], grammar: frozenset[str]) -> Frequencies:
    """Frequencies for a store that has not counted yet: only grammar words are taken to be common."""
    return Frequencies({word: ASSUMED_COMMON for word in words if word in grammar}, 2 * ASSUMED_RARE)


def choose(words: Iterable[str], frequencies: Frequencies, choice: Choice) -> list[Weighted]:
    """The rarest words of a question, rarest first; of equally rare ones the longer come first."""
    ranked = sorted(
        ((frequencies.share(word), word) for word in set(words)),
        key=lambda item: (item[0], -len(item[1]), item[1]),
    )
    cheap = choice.cheap_matches / max(frequencies.episodes, 1)
    total = 0.0
    kept: list[Weighted] = []
    for share, word in ranked[: choice.words]:
        total += share
        if kept and (share > max(choice.share, cheap) or total > max(choice.total_share, cheap)):
            break
        kept.append(Weighted(word, _weight(share)))
    return kept


def _weight(share: float) -> float:
    return math.log(1 / min(max(share, 1e-9), 0.999))
