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
"""Share assumed for a grammar word that was not counted: over any sensible limit."""
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


UNCOUNTED = Frequencies({}, floor=2 * ASSUMED_RARE)
"""For a store that has not counted yet."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How many words are looked up, none held by more than `share` of the episodes, and together
    expected in no more than `total_share` of them.

    Counted and uncounted words have limits of their own: an uncounted one may well be in no episode at
    all, and must not take the place of one that is. `cheap_matches` episodes are never too many, however
    large their share is in a small store; and one word is always kept.
    """

    words: int = 6
    uncounted_words: int = 10
    share: float = 0.05
    total_share: float = 0.1
    cheap_matches: int = 1_000


@dataclass(frozen=True, slots=True)
class Weighted:
    """A word to look up and the natural logarithm of its inverse document frequency."""

    word: str
    weight: float


def choose(
    words: Iterable[str], frequencies: Frequencies, choice: Choice, grammar: frozenset[str] = frozenset()
) -> list[Weighted]:
    """The rarest words of a question, rarest first; of equally rare ones the longer come first.

    `grammar` are words known to be common in some language, for when they were not counted.
    """
    room = {True: choice.words, False: choice.uncounted_words}
    cheap = choice.cheap_matches / max(frequencies.episodes, 1)
    total = 0.0
    kept: list[Weighted] = []
    for share, word in _ranked(words, frequencies, grammar):
        counted = word in frequencies.shares
        if room[counted] == 0:
            continue
        total += share
        if kept and (share > max(choice.share, cheap) or total > max(choice.total_share, cheap)):
            break
        room[counted] -= 1
        kept.append(Weighted(word, _weight(share)))
    return kept


def _ranked(
    words: Iterable[str], frequencies: Frequencies, grammar: frozenset[str]
) -> list[tuple[float, str]]:
    def share(word: str) -> float:
        uncounted = ASSUMED_COMMON if word in grammar else frequencies.floor / 2
        return frequencies.shares.get(word, uncounted)

    return sorted(((share(word), word) for word in set(words)), key=lambda it: (it[0], -len(it[1]), it[1]))


def _weight(share: float) -> float:
    return math.log(1 / min(max(share, 1e-9), 0.999))
