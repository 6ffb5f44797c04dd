"""Made-up prose whose words are as unevenly frequent as those of a language (Zipf)."""

from __future__ import annotations

import numpy as np

SYLLABLES = [consonant + vowel for consonant in "bdfghklmnprstvwz" for vowel in "aeiou"]
VOCABULARY = 30_000
EPISODE_WORDS = (6, 40)
QUESTION_WORDS = (3, 8)


class Prose:
    """A repeatable source of episodes, and of questions about them."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._words = self._vocabulary()
        shares = 1 / np.arange(1, len(self._words) + 1)
        self._reached = np.cumsum(shares / shares.sum())

    def episode(self) -> str:
        """A text of 6 to 40 words."""
        count = self._random.integers(*EPISODE_WORDS, endpoint=True)
        places = np.searchsorted(self._reached, self._random.random(count))
        return " ".join(self._words[min(place, VOCABULARY - 1)] for place in places)

    def question(self, episode: str) -> str:
        """Some words of an episode in another order."""
        words = list(dict.fromkeys(episode.split()))
        count = self._random.integers(*QUESTION_WORDS, endpoint=True)
        return " ".join(words[place] for place in self._random.permutation(len(words))[:count])

    def _vocabulary(self) -> list[str]:
        lengths = self._random.integers(2, 5, VOCABULARY)
        return ["".join(self._random.choice(SYLLABLES, length)) for length in lengths]
