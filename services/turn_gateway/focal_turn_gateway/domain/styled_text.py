"""Text with marks on stretches of it, and how media write those marks.

A text is cut before its marks are written, so that each part opens and closes its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Marks = tuple[str, str]


def _as_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a medium writes marks; an empty pair leaves the text without.

    `escape` protects characters that would read as marks, each by itself. `link` gives what stands around a
    link's label, or None when the URL is written behind it. `urls` is whether URLs are of any use to the
    customer.
    """

    strong: Marks = ("", "")
    emphasis: Marks = ("", "")
    strike: Marks = ("", "")
    code: Marks = ("", "")
    block: Marks = ("", "")
    bullet: str = "- "
    quote: str = "> "
    rule: str = "---"
    escape: Callable[[str], str] = _as_is
    link: Callable[[str], Marks] | None = None
    urls: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """Marks around a stretch of text; most media end inline marks with the line, blocks go over lines."""

    start: int
    end: int
    marks: Marks
    block: bool = False


@dataclass(frozen=True, slots=True)
class Styled:
    """A text with its spans, which nest or stand apart."""

    text: str
    spans: tuple[Span, ...] = ()

    def written(self, start: int, end: int, escape: Callable[[str], str]) -> str:
        """The stretch as a medium reads it."""
        pieces, at = [], start
        for place, mark in self._marks(start, end):
            pieces += [escape(self.text[at:place]), mark]
            at = place
        return "".join([*pieces, escape(self.text[at:end])])

    def pieces(self, stretches: Sequence[tuple[int, int]], escape: Callable[[str], str]) -> list[str]:
        """Stretches that follow one another, each as a medium reads it."""
        starts = [start for start, _ in stretches]
        touching: list[list[Span]] = [[] for _ in stretches]
        for span in self.spans:
            first = max(0, bisect_right(starts, span.start) - 1)
            for index in range(first, bisect_left(starts, span.end)):
                touching[index].append(span)
        return [
            Styled(self.text, tuple(spans)).written(start, end, escape)
            for (start, end), spans in zip(stretches, touching, strict=True)
        ]

    def fragments(self) -> Iterator[Span]:
        """The spans as they are written when the text is not cut: inline ones line by line."""
        for span in self.spans:
            yield from self._clipped(span, 0, len(self.text))

    def _marks(self, start: int, end: int) -> list[tuple[int, str]]:
        """Marks in the order in which they are written: at one place the inner ones, which come first among
        the spans, close first and open last.
        """
        clipped = [each for span in self.spans for each in self._clipped(span, start, end)]
        opening = [(each.start, 1, -each.end, each.marks[0]) for each in reversed(clipped)]
        closing = [(each.end, 0, -each.start, each.marks[1]) for each in clipped]
        return [
            (place, mark) for place, _, _, mark in sorted([*opening, *closing], key=lambda each: each[:3])
        ]

    def _clipped(self, span: Span, start: int, end: int) -> Iterator[Span]:
        """The span within the stretch; inline ones line by line, without blank space at their edges."""
        low, high = max(span.start, start), min(span.end, end)
        if low >= high:
            return
        if span.block:
            yield Span(low, high, span.marks, True)
            return
        for line in self.text[low:high].splitlines(keepends=True):
            stripped = line.strip()
            at = low + len(line) - len(line.lstrip())
            if stripped:
                yield Span(at, at + len(stripped), span.marks)
            low += len(line)
