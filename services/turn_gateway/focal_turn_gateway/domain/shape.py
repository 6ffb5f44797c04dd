"""How a message ends: whether what it says looks complete.

Judged by its first and last characters only: a message of 10,000 characters costs no more than one of 100.
"""

from __future__ import annotations

import math
import re
import unicodedata
from enum import StrEnum

from focal_turn_gateway.domain import lexicon

_HEAD = 200
_TAIL = 80
_GREETINGS = lexicon.folded("greetings")
_CLOSINGS = lexicon.folded("closings")
_ENTITIES = lexicon.folded("entities")
_LINKS = lexicon.folded("links")
_FINALS = lexicon.folded("finals")
_NOT_ENTITIES = frozenset(map(lexicon.fold, lexicon.NOT_ENTITIES))
_LONGEST = max(map(len, _CLOSINGS | _ENTITIES | _LINKS | _FINALS | _NOT_ENTITIES))
_CLOSERS = frozenset("\"')]}»”\u2019」』】》〉")
_APOSTROPHES = frozenset("'\u2019")
# What follows the last word without saying anything: emoji, their joiners and colours, blanks. NFKC makes two
# characters of a joined mark, so the joiners are seen one by one.
_SILENT_CATEGORIES = frozenset({"So", "Sk", "Cf", "Zs", "Zl", "Zp", "Cc", "Me"})
_SILENT = frozenset("\ufe0e\ufe0f")
# Folded text: ":)" and its kin, which would read as a colon.
_EMOTICON = re.compile(r"(?:[:;=]['^-]?[)(\]\[dpo/\\|*]+|<3+|\^[._-]?\^|(?<!\w)x+d+)$")

# Scripts without spaces between words, with letters per word: about 1.5 in Chinese, 3 in kana (endings and
# particles), 3 in Thai, Lao, Khmer and Burmese (consonants and vowels written as letters; signs not counted).
_UNSPACED: tuple[tuple[int, int, float], ...] = (
    (0x0E00, 0x0EFF, 1 / 3),
    (0x1000, 0x109F, 1 / 3),
    (0x1780, 0x17FF, 1 / 3),
    (0x3005, 0x3007, 1 / 1.5),
    (0x3041, 0x30FF, 1 / 3),
    (0x31F0, 0x31FF, 1 / 3),
    (0x3400, 0x4DBF, 1 / 1.5),
    (0x4E00, 0x9FFF, 1 / 1.5),
    (0xF900, 0xFAFF, 1 / 1.5),
    (0x20000, 0x323AF, 1 / 1.5),
)


class Shape(StrEnum):
    """What a message looks like (DOMAIN §2.5); the first that fits, in this order."""

    GREETING = "greeting"
    FRAGMENT = "fragment"
    ENTITY = "entity"
    COMPLETE = "complete"
    SHORT = "short"
    LIKELY = "likely"


def judge(text: str, short_words: int = 3) -> Shape:
    """The shape of one message. Fewer than `short_words` words are SHORT unless they end explicitly."""
    end = _end(lexicon.fold(text[-_TAIL:]))
    plain = _plain(end)
    if len(text) <= _TAIL and _only_greets(plain):
        return Shape.GREETING
    if end.endswith(lexicon.ELLIPSES) or end[-1:] in lexicon.GOES_ON:
        return Shape.FRAGMENT
    if _announces(end, plain):
        return Shape.ENTITY
    if end[-1:] in lexicon.SENTENCE_ENDS or _tail_of(plain, _CLOSINGS) or _tail_of(plain, _FINALS):
        return Shape.COMPLETE
    return Shape.SHORT if words(text[:_HEAD], short_words) < short_words else Shape.LIKELY


def words(text: str, enough: float = math.inf) -> int:
    """Words of a text, about, counted no further than `enough`: runs of letters and digits, and where a
    script puts no spaces its letters divided by their number in a usual word.
    """
    spaced, unspaced, inside = 0, 0.0, False
    for char in text:
        share = _share(char)
        letter = not share and (char in _APOSTROPHES or unicodedata.category(char)[0] in "LMN")
        spaced += letter and not inside and char not in _APOSTROPHES
        inside = letter
        if share and unicodedata.category(char)[0] == "L":
            unspaced += share
        if spaced + unspaced >= enough:
            break
    return spaced + round(unspaced)


def _share(char: str) -> float:
    """Words that one letter of an unspaced script stands for; 0 in scripts with spaces."""
    point = ord(char)
    if point < _UNSPACED[0][0]:
        return 0
    return next((share for first, last, share in _UNSPACED if first <= point <= last), 0)


def _end(folded: str) -> str:
    """Without what follows the last word and its mark: blanks, emoji, emoticons, closing quotes."""
    while folded:
        last = folded[-1]
        silent = last in _SILENT or (last != "°" and unicodedata.category(last) in _SILENT_CATEGORIES)
        if (emoticon := _EMOTICON.search(folded)) is not None:
            folded = folded[: emoticon.start()]
        elif silent or last in _CLOSERS:
            folded = folded[:-1]
        else:
            break
    return folded


def _only_greets(rest: str) -> bool:
    """Whether it is a greeting, or several, and nothing more."""
    greeted = False
    while rest:
        size = next((n for n in range(len(rest), 0, -1) if rest[:n] in _GREETINGS and _parts(rest, n)), 0)
        if not size:
            return False
        rest, greeted = rest[size:].lstrip(), True
    return greeted


def _announces(end: str, plain: str) -> bool:
    """Whether it ends in a thing that has a number, without the number."""
    if end.rstrip("# ")[-1:] in lexicon.SENTENCE_ENDS:
        return False
    rest = plain.rstrip("# ")
    if _tail_of(rest, _NOT_ENTITIES):
        return False
    for _ in range(3):
        if _tail_of(rest, _ENTITIES):
            return True
        link = _tail_of(rest, _LINKS)
        if not link:
            return False
        rest = rest[: -len(link)].rstrip()
    return False


def _plain(text: str) -> str:
    """Words with single spaces, without marks."""
    kept = (c if c in "'#°" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return " ".join("".join(kept).split())


def _tail_of(text: str, phrases: frozenset[str]) -> str:
    """The longest phrase that the text ends with, as words of their own; empty when none."""
    sizes = range(min(len(text), _LONGEST), 0, -1)
    return next((text[-n:] for n in sizes if text[-n:] in phrases and _parts(text, len(text) - n)), "")


def _parts(text: str, at: int) -> bool:
    """Whether a word may end at `at`: at the ends, at a space, between letters of an unspaced script."""
    if at in (0, len(text)) or " " in (text[at], text[at - 1]):
        return True
    return bool(_share(text[at]) or _share(text[at - 1]))
