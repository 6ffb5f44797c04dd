"""Where a long text is cut: at the end of a paragraph, else of a sentence, else of a word, else anywhere.

A paragraph or sentence counts when it ends past half of the limit (DOMAIN §10). No cut falls inside what a
reader sees as one character, and none inside a URL that fits a part.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

import regex

Cost = Callable[[int, int], int]
"""What the text from one offset to another costs of the limit; grows with the text, at least 1 a code
point.
"""

_CLUSTER = regex.compile(r"\X")
_URL = regex.compile(r"\b(?:https?://|www\.)[^\s<>]*[^\s<>.,;:!?'\")\]}]", regex.IGNORECASE)
# Each pattern's group is what must fit the part; blank space behind it belongs to the part as far as it fits.
_PARAGRAPH = regex.compile(r"()\n[^\S\n]*\n\s*")
# Latin full stops also stand inside numbers and abbreviations: only with a space behind do they end a
# sentence. Those of scripts without spaces need none.
_SENTENCE = regex.compile(r"([.!?…؟۔।॥]+[\"'”’»)\]]*)\s+|([。！？｡．]+[」』”’）】〉》]*)\s*")
# Scripts without spaces may be cut behind any character, unless punctuation that closes would start a line.
_WORD = regex.compile(
    r"()\s+|([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}、，。！？」』）】〉》]\p{M}*+)"
    r"(?![\p{Pe}\p{Pf}、，。！？：；ー々っッ])"
)


def cut(text: str, limit: int, cost: Cost) -> list[tuple[int, int]]:
    """Offsets of the parts of a text in order: joined they are the text, and none costs more than `limit`.

    A single character of several code points that costs more by itself is cut between them; a limit below
    the cost of a code point gives one code point a part.
    """
    bounds = [0, *(match.end() for match in _CLUSTER.finditer(text))]
    urls = [match.span() for match in _URL.finditer(text)]
    parts = []
    start = 0
    while start < len(text):
        end = _end(text, start, limit, cost, bounds, urls)
        parts.append((start, end))
        start = end
    return parts


def _end(
    text: str, start: int, limit: int, cost: Cost, bounds: list[int], urls: list[tuple[int, int]]
) -> int:
    furthest = _furthest(text, start, limit, cost, bounds)
    if furthest == len(text):
        return furthest
    for pattern, past_half in ((_PARAGRAPH, True), (_SENTENCE, True), (_WORD, False)):
        for at in _ends(pattern, text, start, furthest, urls):
            if not past_half or cost(start, at) > limit / 2:
                return _on_bound(at, start, bounds)
    before = _before_url(furthest, urls)
    return furthest if before is None or before <= start else before


def _furthest(text: str, start: int, limit: int, cost: Cost, bounds: list[int]) -> int:
    """The last place to cut within the limit."""
    first = bisect_right(bounds, start)
    places = bounds[first : first + limit]
    fitting = bisect_right(places, limit, key=lambda at: cost(start, at))
    if fitting:
        return places[fitting - 1]
    inside = range(start + 1, min(start + limit, len(text)) + 1)
    fitting = bisect_right(inside, limit, key=lambda at: cost(start, at))
    return start + max(1, fitting)


def _ends(
    pattern: regex.Pattern[str], text: str, start: int, furthest: int, urls: list[tuple[int, int]]
) -> Iterator[int]:
    """Where the pattern ends inside the part, last first, outside of URLs."""
    found = [
        min(match.end(), furthest)
        for match in pattern.finditer(text, start, furthest + 1)
        if match.end(match.lastindex or 0) <= furthest
    ]
    for at in reversed(found):
        if at > start and _before_url(at, urls) is None:
            yield at


def _before_url(at: int, urls: list[tuple[int, int]]) -> int | None:
    """Where the URL begins that a cut at `at` would break; None when it breaks none."""
    index = bisect_right(urls, at, key=lambda url: url[0]) - 1
    return urls[index][0] if index >= 0 and urls[index][0] < at < urls[index][1] else None


def _on_bound(at: int, start: int, bounds: list[int]) -> int:
    """The last boundary between characters up to `at`, or `at` when there is none behind `start`."""
    bound = bounds[bisect_right(bounds, at) - 1]
    return bound if bound > start else at
