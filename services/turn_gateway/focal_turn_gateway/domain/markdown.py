"""CommonMark as styled text of a dialect, and as HTML. A real parser reads it: what is not markup stays as
written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import regex
from markdown_it import MarkdownIt
from markdown_it.token import Token

from focal_turn_gateway.domain.styled_text import Dialect, Marks, Span, Styled

_URL = regex.compile(r"\bhttps?://[^\s<>]+", regex.IGNORECASE)
_MOST_OF_URL = 4
"""A URL longer than this part of the limit is written as text, where it can be cut."""


def reader() -> MarkdownIt:
    """A parser for what models write. Raw HTML is text; indented lines, underlined lines and link
    definitions are no markup, because in a chat they are accidents and would swallow what the customer
    should see.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable(["code", "lheading", "reference"])
    # It collects its rules when it is first used, and threads that share it could meet half of them.
    parser.render("*once*")
    return parser


def styled(source: str, parser: MarkdownIt, dialect: Dialect, limit: int = 0) -> Styled:
    """The text as the dialect writes it, to be cut into parts of `limit` (0: not at all); the source itself
    when nothing of it would be seen.
    """
    writer = _Writer(dialect, limit)
    for token in parser.parse(source):
        writer.take(token)
    found = writer.finished()
    return found if found.text.strip() else Styled(source)


def media_marker(kind: str, caption: str, url: str, dialect: Dialect) -> str:
    """What stands for a medium that cannot be shown."""
    named = f"[{kind}: {caption}]" if caption else f"[{kind}]"
    return f"{named} {url}" if dialect.urls and url else named


@dataclass(frozen=True, slots=True)
class _Open:
    """Marks that are still open: from which offset and piece on, and the URL to write behind them."""

    start: int
    piece: int
    marks: Marks
    url: str


class _Writer:
    """Walks the tokens once; `gap` is the number of line ends owed before the next text."""

    def __init__(self, dialect: Dialect, limit: int) -> None:
        self._dialect = dialect
        self._longest_url = limit // _MOST_OF_URL if limit else 2048
        self._pieces: list[str] = []
        self._length = 0
        self._spans: list[Span] = []
        self._open: list[_Open] = []
        self._gap = 0
        self._at_marker = False
        self._cells = 0
        self._indent: list[str] = []
        self._lists: list[bool] = []
        self._take: dict[str, Callable[[Token], object]] = {
            "text": lambda token: self._write(self._spoken(token.content)),
            "softbreak": lambda _: self._lines(1),
            "hardbreak": lambda _: self._lines(1),
            "code_inline": lambda token: self._marked(token.content, dialect.code),
            "fence": lambda token: self._block(token.content, dialect.block),
            "image": self._image,
            "hr": lambda _: self._block(dialect.rule, ("", "")),
            "inline": self._inline,
            "strong_open": lambda _: self._begin(dialect.strong),
            "em_open": lambda _: self._begin(dialect.emphasis),
            "s_open": lambda _: self._begin(dialect.strike),
            "heading_open": lambda _: self._heading(),
            "paragraph_open": lambda token: self._lines(1 if token.hidden else 2),
            "bullet_list_open": lambda _: self._list(ordered=False),
            "ordered_list_open": lambda _: self._list(ordered=True),
            "bullet_list_close": lambda _: self._list_end(),
            "ordered_list_close": lambda _: self._list_end(),
            "list_item_open": self._item,
            "blockquote_open": lambda _: self._quote(),
            "blockquote_close": lambda _: self._quote_end(),
            "table_open": lambda _: self._lines(2),
            "tr_open": lambda _: self._row(),
            "td_open": lambda _: self._cell(),
            "th_open": lambda _: self._cell(),
            "link_open": self._link,
            "link_close": lambda _: self._link_end(),
            "strong_close": lambda _: self._end(),
            "em_close": lambda _: self._end(),
            "s_close": lambda _: self._end(),
            "heading_close": lambda _: self._heading_end(),
        }

    def take(self, token: Token) -> None:
        """Write what the token stands for."""
        handle = self._take.get(token.type)
        if handle is not None:
            handle(token)

    def finished(self) -> Styled:
        """All that was written."""
        return Styled("".join(self._pieces), tuple(self._spans))

    def _write(self, text: str) -> None:
        if text:
            self._settle()
            self._put(text)

    def _settle(self) -> None:
        """Write the line ends that are owed, and how the line begins."""
        if self._gap and self._pieces:
            self._put("\n" * self._gap)
        if self._gap or not self._pieces:
            self._put("".join(self._indent))
        self._gap = 0
        self._at_marker = False

    def _put(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)

    def _lines(self, count: int) -> None:
        # What follows an item's marker stays on its line.
        if not self._at_marker:
            self._gap = max(self._gap, count)

    def _begin(self, marks: Marks, url: str = "") -> None:
        # What is owed stands before the mark, not inside.
        self._settle()
        self._open.append(_Open(self._length, len(self._pieces), marks, url))

    def _end(self, *, block: bool = False) -> _Open:
        ended = self._open.pop()
        nested = any(ended.marks == outer.marks for outer in self._open)
        if any(ended.marks) and not nested and ended.start < self._length:
            self._spans.append(Span(ended.start, self._length, ended.marks, block))
        return ended

    def _marked(self, text: str, marks: Marks) -> None:
        self._begin(marks)
        self._write(text)
        self._end()

    def _block(self, text: str, marks: Marks) -> None:
        self._lines(2)
        if not text:
            return
        self._begin(marks)
        self._write(text.rstrip("\n"))
        self._end(block=True)
        self._lines(2)

    def _row(self) -> None:
        self._lines(1)
        self._cells = 0

    def _cell(self) -> None:
        self._write(" | " if self._cells else "")
        self._cells += 1

    def _inline(self, token: Token) -> None:
        for child in token.children or ():
            self.take(child)

    def _heading(self) -> None:
        self._lines(2)
        self._begin(self._dialect.strong)

    def _heading_end(self) -> None:
        self._end()
        self._lines(2)

    def _list(self, *, ordered: bool) -> None:
        self._lines(1 if self._lists else 2)
        if self._lists:
            self._indent.append("  ")
        self._lists.append(ordered)

    def _list_end(self) -> None:
        self._lists.pop()
        if self._lists:
            self._indent.pop()
        self._lines(1 if self._lists else 2)

    def _item(self, token: Token) -> None:
        self._lines(1)
        self._write(f"{token.info}{token.markup} " if self._lists[-1] else self._dialect.bullet)
        self._at_marker = True

    def _quote(self) -> None:
        self._lines(2)
        self._indent.append(self._dialect.quote)

    def _quote_end(self) -> None:
        self._indent.pop()
        self._lines(2)

    def _image(self, token: Token) -> None:
        url = str(token.attrs.get("src", ""))
        self._write(media_marker("image", token.content, url, self._dialect))

    def _link(self, token: Token) -> None:
        url = str(token.attrs.get("href", ""))
        wrapped = self._dialect.link if len(url) <= self._longest_url else None
        self._begin(wrapped(url) if wrapped else ("", ""), "" if wrapped else url)

    def _link_end(self) -> None:
        ended = self._end()
        label = "".join(self._pieces[ended.piece :])
        address = ended.url.removeprefix("mailto:").removeprefix("tel:")
        if ended.url and self._dialect.urls and label not in {ended.url, address}:
            self._write(f" ({address})")

    def _spoken(self, text: str) -> str:
        """Where nobody can follow a URL, its host is enough to say."""
        if self._dialect.urls:
            return text
        return _URL.sub(lambda match: urlsplit(match.group()).hostname or "", text)


def html(source: str, parser: MarkdownIt) -> str:
    """An HTML fragment; what looks like HTML in the source is escaped."""
    rendered: str = parser.render(source, {})
    return rendered
