"""What stretches of a styled text would cost once written, without writing them: a long text is looked at in
many places before it is cut.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

from focal_turn_gateway.domain.styled_text import Span, Styled


class Measure:
    """Costs of the stretches of one text, each found in logarithmic time.

    `escape` is the dialect's, `units` what a written text costs; both must give for a whole what they
    give for its characters one by one.
    """

    def __init__(self, text: Styled, escape: Callable[[str], str], units: Callable[[str], int]) -> None:
        self._text = text.text
        each = {char: units(escape(char)) for char in set(text.text)}
        self._upto = [0, *accumulate(map(each.__getitem__, text.text))]
        fragments = list(text.fragments())
        self._all = _Marks(fragments, units)
        self._blocks = _Marks([fragment for fragment in fragments if fragment.block], units)

    def cost(self, start: int, end: int) -> int:
        """What `Styled.written` would cost from one offset to another."""
        if start >= end:
            return 0
        # Inline marks are written around what can be seen only; then all that begin or are open here count.
        marks = self._blocks if self._text[start:end].isspace() else self._all
        return self._upto[end] - self._upto[start] + marks.cost(start, end)


class _Marks:
    """Sums of the costs of marks by where they open and by where they close."""

    def __init__(self, fragments: Iterable[Span], units: Callable[[str], int]) -> None:
        priced = [(span, units(span.marks[0]) + units(span.marks[1])) for span in fragments]
        opening = sorted((span.start, price) for span, price in priced)
        closing = sorted((span.end, price) for span, price in priced)
        self._starts = [at for at, _ in opening]
        self._ends = [at for at, _ in closing]
        self._opened = [0, *accumulate(price for _, price in opening)]
        self._closed = [0, *accumulate(price for _, price in closing)]

    def cost(self, start: int, end: int) -> int:
        """Marks that open before `end`, without those that are closed at `start`."""
        return self._opened[bisect_left(self._starts, end)] - self._closed[bisect_right(self._ends, start)]
