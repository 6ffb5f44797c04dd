"""The words that an episode is found by, the same for stored text and for questions.

PostgreSQL's own parser is not asked: it knows no words in scripts without spaces and drops symbols.
"""

from __future__ import annotations

from focal_embedding import words

MAX_CHARS = 64  # a longer run of letters is no word; PostgreSQL refuses lexemes over 2 KiB


def of(text: str) -> list[str]:
    """The distinct words of a text, folded in case, width and accents, in order of appearance."""
    return list(dict.fromkeys(word[:MAX_CHARS] for word in words.split(text)))
