"""Words and phrases that say what a message is for, whatever it is about; any language, any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import regex

_NEVER = regex.compile(r"(?!)")
_WORD = regex.compile(r"\w")
_WITHOUT_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")


class Markers:
    """A set of phrases. Those in scripts that put spaces between words count as whole words only."""

    def __init__(self, phrases: Iterable[str]) -> None:
        bounded = [_bounded(folded(phrase)) for phrase in sorted(phrases, key=len, reverse=True) if phrase]
        either = "|".join(bounded)
        self._anywhere = regex.compile(either) if bounded else _NEVER
        self._first = regex.compile(rf"[^\w]*(?:{either})") if bounded else _NEVER

    def in_(self, text: str) -> bool:
        """Whether one of the phrases stands in the text."""
        return self._anywhere.search(folded(text)) is not None

    def open(self, text: str) -> bool:
        """Whether the text begins with one of the phrases."""
        return self._first.match(folded(text)) is not None

    def are_all_of(self, text: str) -> bool:
        """Whether the text holds nothing but such phrases, punctuation and pictures."""
        return _WORD.search(self._anywhere.sub(" ", folded(text))) is None


def folded(text: str) -> str:
    """The text without differences that typing makes: case, width, curly apostrophes."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def _bounded(phrase: str) -> str:
    escaped = regex.escape(phrase)
    if _WITHOUT_SPACES.search(phrase):
        return escaped
    before = r"(?<!\w)" if _WORD.match(phrase[0]) else ""
    after = r"(?![\w\p{M}])" if _WORD.match(phrase[-1]) or unicodedata.combining(phrase[-1]) else ""
    return before + escaped + after
