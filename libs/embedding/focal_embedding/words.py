"""Splits text of any language into comparable words, for hashing and for lexical scores (BM25).

Case, width and accents are folded, so that "Rücksendung", "RÜCKSENDUNG" and "rucksendung" are one
word. Scripts that are written without spaces yield overlapping pairs of characters, the usual
stand-in for words there.
"""

import re
import unicodedata

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Kana, Han (with extensions A and compatibility), half-width kana, Thai, Lao, Myanmar, Khmer.
_UNSPACED = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_SCRIPT_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_START = re.compile(f"[{_UNSPACED}]")
_ACCENTS = re.compile("[\u0300-\u036f]")


class _WordCharacters(dict[int, str]):
    """Translation table, filled on demand: letters, marks, digits stay, a symbol is a word."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":
            self[code] = character
        elif category == "So":  # emoji, so that a thumbs-up counts
            self[code] = f" {character} "
        else:
            self[code] = " "
        return self[code]


_WORD_CHARACTERS = _WordCharacters()


def split(text: str) -> list[str]:
    """The words of `text` in order, repeats kept; empty without letter, digit and symbol."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return [word for run in _fold(text).translate(_WORD_CHARACTERS).split() for word in _words_of_run(run)]


def _fold(text: str) -> str:
    """Removes case, compatibility forms and accents; other marks stay, they are often vowels."""
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def _words_of_run(run: str) -> list[str]:
    if run.isascii():
        return [run]
    return [word for part in _SCRIPT_RUN.findall(run) for word in _pairs(part)]


def _pairs(part: str) -> list[str]:
    if len(part) < 3 or not _UNSPACED_START.match(part):
        return [part]
    return [part[i : i + 2] for i in range(len(part) - 1)]
