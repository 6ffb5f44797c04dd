"""A reply as a channel takes it: marked up in its way, media as it can show them, no part over its limit."""

from __future__ import annotations

import html as html_entities
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt

from focal_turn_gateway.domain import dialects, html_text, markdown, short_messages, splitting
from focal_turn_gateway.domain.channels import Capability, Channel, Encoding, Markup, Policy
from focal_turn_gateway.domain.measuring import Measure
from focal_turn_gateway.domain.styled_text import Dialect, Styled
from focal_turn_gateway.domain.turns import ReplySegment

Cost = Callable[[str], int]
"""What a written text costs of a medium's limit."""

MARKDOWN, HTML, TEXT = "MARKDOWN", "HTML", "TEXT"


@dataclass(frozen=True, slots=True)
class Part:
    """One message to the customer: `index` of `count` within its segment, from 0.

    `content_type` is a name of the contract's enum without prefix, `markup` how the text is marked up;
    `html` is the same as HTML where the channel shows that, and empty elsewhere.
    """

    segment: int
    index: int
    count: int
    text: str
    content_type: str
    markup: Markup
    html: str = ""
    structured_json: str = ""


@dataclass(frozen=True, slots=True)
class FormatReply:
    """`parser` reads Markdown."""

    parser: MarkdownIt

    def __call__(self, reply: Sequence[ReplySegment], channel: Channel, policy: Policy) -> list[Part]:
        """The parts of a reply in the order in which they are sent."""
        parts = [part for segment in reply for part in self._of_segment(segment, channel.capability, policy)]
        if channel.capability.markup is Markup.EMAIL and parts:
            parts[0] = _greeted(parts[0], policy.greeting)
            parts[-1] = _signed(parts[-1], policy.signature)
        return parts

    def _of_segment(self, segment: ReplySegment, capability: Capability, policy: Policy) -> Iterator[Part]:
        rich = capability.rich_media and policy.rich_media
        shown = segment if rich else _without_media(segment)
        markup = capability.markup if policy.markup else Markup.PLAIN
        if capability.markup is Markup.SPEECH:
            markup = Markup.SPEECH
        dialect = dialects.DIALECTS.get(markup, dialects.PLAIN)
        if _passes_as_is(shown, capability, markup):
            text, content_type = Styled(shown.text), shown.content_type
        else:
            text, content_type = self._styled(shown, dialect, capability, policy), TEXT
        texts = _texts(text, dialect, capability, policy)
        for index, each in enumerate(texts):
            yield Part(
                segment.index,
                index,
                len(texts),
                each,
                content_type,
                markup,
                # Marks may go over a cut: of several parts none has HTML of its own.
                self._html(shown, policy) if markup is Markup.EMAIL and len(texts) == 1 else "",
                # What is structured belongs under the text: buttons, a list to choose from.
                shown.structured_json if index == len(texts) - 1 else "",
            )

    def _styled(
        self, segment: ReplySegment, dialect: Dialect, capability: Capability, policy: Policy
    ) -> Styled:
        if segment.content_type == HTML:
            return Styled(html_text.visible(segment.text) or segment.text)
        if segment.content_type == MARKDOWN or policy.parse_text:
            return markdown.styled(segment.text, self.parser, dialect, _limit(capability, policy))
        return Styled(segment.text)

    def _html(self, segment: ReplySegment, policy: Policy) -> str:
        if segment.content_type == HTML:
            return segment.text
        if segment.content_type == MARKDOWN or policy.parse_text:
            return markdown.html(segment.text, self.parser)
        return _paragraph(segment.text)


def _passes_as_is(segment: ReplySegment, capability: Capability, markup: Markup) -> bool:
    if markup is not Markup.COMMONMARK:
        return False
    return segment.content_type != HTML or "html" in capability.content_types


def _texts(text: Styled, dialect: Dialect, capability: Capability, policy: Policy) -> list[str]:
    """The texts to send. Blank space at the seams is no part of any; a reply without text is one empty
    text.
    """
    limit = _limit(capability, policy)
    whole = text.written(0, len(text.text), dialect.escape)
    if not limit or not policy.split:
        return [whole]
    alphabet = short_messages.alphabet(text.text) if capability.encoding is Encoding.GSM else None

    def cost(written: str) -> int:
        return len(written) if alphabet is None else short_messages.units(written, alphabet)

    single = limit if alphabet is None else min(limit, alphabet.single)
    if cost(whole) <= single:
        return [whole]
    several = limit if alphabet is None else min(limit, alphabet.concatenated)
    if not policy.number_parts:
        return _cut(text, dialect, several, cost)
    return _numbered(text, dialect, several, cost)


def _cut(text: Styled, dialect: Dialect, limit: int, cost: Cost) -> list[str]:
    measure = Measure(text, dialect.escape, cost)
    found = [_stripped(text, start, end) for start, end in splitting.cut(text.text, limit, measure.cost)]
    return text.pieces([(start, end) for start, end in found if start < end], dialect.escape)


def _numbered(text: Styled, dialect: Dialect, limit: int, cost: Cost) -> list[str]:
    """Parts that begin with their number; how many there are depends on how long the numbers are."""
    digits = 1
    while True:
        longest = len(f"({'9' * digits}/{'9' * digits}) ")
        parts = _cut(text, dialect, limit - longest, cost)
        if len(parts) < 10**digits:
            return [f"({number}/{len(parts)}) {part}" for number, part in enumerate(parts, 1)]
        digits += 1


def _stripped(text: Styled, start: int, end: int) -> tuple[int, int]:
    piece = text.text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _limit(capability: Capability, policy: Policy) -> int:
    """The smaller of what the medium takes and what the policy wants; 0 for no limit."""
    return min((limit for limit in (capability.max_chars, policy.max_chars) if limit), default=0)


def _without_media(segment: ReplySegment) -> ReplySegment:
    """Media that the channel does not show as markers behind the text; other structured content is left
    out.
    """
    if not segment.structured_json:
        return segment
    try:
        found = json.loads(segment.structured_json)
    except ValueError:
        found = None
    media = found.get("media") if isinstance(found, dict) else None
    listed = [each for each in media if isinstance(each, dict)] if isinstance(media, list) else []
    markers = [
        markdown.media_marker(
            str(each.get("type") or "file"),
            str(each.get("caption") or each.get("filename") or ""),
            str(each.get("url") or ""),
            dialects.PLAIN,
        )
        for each in listed
    ]
    text = "\n".join([segment.text, *markers] if segment.text.strip() else markers)
    return replace(segment, text=text or segment.text, structured_json="")


def _greeted(part: Part, greeting: str) -> Part:
    if not greeting:
        return part
    html = _paragraph(greeting) + part.html if part.html else ""
    return replace(part, text=f"{greeting}\n\n{part.text}", html=html)


def _signed(part: Part, signature: str) -> Part:
    if not signature:
        return part
    html = part.html + _paragraph(signature) if part.html else ""
    return replace(part, text=f"{part.text}\n\n{signature}", html=html)


def _paragraph(text: str) -> str:
    return "<p>" + html_entities.escape(text, quote=False).replace("\n", "<br>\n") + "</p>\n"
