from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_turn_gateway.domain import channel_catalogue, markdown, short_messages
from focal_turn_gateway.domain.reply_parts import FormatReply, Part
from focal_turn_gateway.domain.turns import ReplySegment

FORMAT = FormatReply(markdown.reader())
MEDIA = '{"media": [{"type": "image", "caption": "Label", "url": "https://x.example/1.png"}, {"url": "https://y"}]}'
WORDS = st.sampled_from(
    [
        *(
            "**bold** ",
            "*it* ",
            "~~no~~ ",
            "`x` ",
            "[page](https://x.example/a) ",
            "plain words. ",
            "\n\n",
            "\n- ",
        ),
        *(
            "# Title\n",
            "> said\n",
            "```\ncode\n```\n",
            "1. one\n",
            "<b>",
            "a & b ",
            "👨‍👩‍👧 ",
            "鞋子坏了。",
            "*",
            "_",
            "![p](u) ",
        ),
    ]
)
SOURCES = st.lists(WORDS, max_size=40).map("".join) | st.text(max_size=300)


def parts(channel: str, *texts: str, kind: str = "TEXT", structured: str = "", **policy: Any) -> list[Part]:
    found = channel_catalogue.known(channel)
    reply = [ReplySegment(index, text, kind, structured) for index, text in enumerate(texts)]
    return FORMAT(reply, found, replace(found.policy, **policy))


def text(channel: str, source: str, **more: Any) -> str:
    [part] = parts(channel, source, **more)
    return part.text


@pytest.mark.parametrize(
    ("channel", "written"),
    [
        ("whatsapp", "*Hi Ada*, it is _very_ ~late~ `now`: see us (https://x.example/?a=1&b=2) & go"),
        ("slack", "*Hi Ada*, it is _very_ ~late~ `now`: <https://x.example/?a=1&amp;b=2|see us> &amp; go"),
        (
            "telegram",
            (
                "<b>Hi Ada</b>, it is <i>very</i> <s>late</s> <code>now</code>: "
                '<a href="https://x.example/?a=1&amp;b=2">see us</a> &amp; go'
            ),
        ),
        ("sms", "Hi Ada, it is very late now: see us (https://x.example/?a=1&b=2) & go"),
        ("voice", "Hi Ada, it is very late now: see us & go"),
        ("web", "**Hi Ada**, it is *very* ~~late~~ `now`: [see us](https://x.example/?a=1&b=2) & go"),
    ],
)
def test_marks_are_written_as_the_medium_writes_them(channel: str, written: str) -> None:
    source = "**Hi Ada**, it is *very* ~~late~~ `now`: [see us](https://x.example/?a=1&b=2) & go"
    assert text(channel, source) == written


def test_blocks_keep_their_lines() -> None:
    source = "# Your order\n\nIt has:\n\n- shoes\n- a *hat*\n  1. blue\n  2. red\n\n> thanks"
    source += "\n\n| a | b |\n|-|-|\n| 1 | 2 |"
    assert text("whatsapp", source) == (
        "*Your order*\n\nIt has:\n\n- shoes\n- a _hat_\n  1. blue\n  2. red\n\n> thanks\n\na | b\n1 | 2"
    )


@pytest.mark.parametrize(
    "source",
    [
        *(
            "2 * 3 * 4 = 24",
            "order_10003_x",
            "call +49 30 123",
            "<script>alert(1)</script>",
            "a_b_c #1 $5 50% (x)",
        ),
        *("    four spaces", "Dear Ada\n---", "[a]: https://x.example", "**", "", "  "),
    ],
)
def test_what_is_no_markup_is_not_taken_for_it(source: str) -> None:
    assert text("sms", source).strip().removesuffix("\n\n---") == source.strip().removesuffix("\n---")


def test_plain_text_may_be_left_unread_and_markup_switched_off() -> None:
    assert text("whatsapp", "**x**", parse_text=False) == "**x**"
    assert text("whatsapp", "**x**", parse_text=False, kind="MARKDOWN") == "*x*"
    assert text("whatsapp", "**x**", markup=False) == "x"
    assert text("web", "**x**", markup=False) == "x"


def test_html_is_shown_where_it_can_be_and_read_where_it_cannot() -> None:
    source = '<p>Hi <b>Ada</b></p><script>x()</script><a href="https://x.example">us</a>&amp;co<ul><li>one</li></ul>'
    assert text("web", source, kind="HTML") == source
    assert text("sms", source, kind="HTML") == "Hi Ada\nus (https://x.example)&co\n- one"
    [letter] = parts("email", source, kind="HTML")
    assert (letter.html, letter.content_type) == (source, "TEXT")


def test_a_letter_has_two_forms_and_is_framed_once() -> None:
    found = parts("email", "**One** <x>", "Two", greeting="Dear <Ada>,", signature="Yours\nFocal")
    assert [part.text for part in found] == ["Dear <Ada>,\n\nOne <x>", "Two\n\nYours\nFocal"]
    assert found[0].html == "<p>Dear &lt;Ada&gt;,</p>\n<p><strong>One</strong> &lt;x&gt;</p>\n"
    assert found[1].html == "<p>Two</p>\n<p>Yours<br>\nFocal</p>\n"
    assert text("sms", "x", greeting="Dear", signature="Yours") == "x"


def test_media_become_markers_where_they_cannot_be_shown() -> None:
    [shown] = parts("whatsapp", "Here", structured=MEDIA)
    assert (shown.text, shown.structured_json) == ("Here", MEDIA)
    [told] = parts("sms", "Here", structured=MEDIA)
    assert told.text == "Here\n[image: Label] https://x.example/1.png\n[file] https://y"
    assert told.structured_json == ""
    assert text("whatsapp", "", structured=MEDIA, rich_media=False).startswith("[image: Label]")
    assert text("sms", "![Label](https://x.example/1.png)") == "[image: Label] https://x.example/1.png"
    assert text("sms", "Here", structured="not json") == "Here"


def test_structured_content_comes_under_the_last_part() -> None:
    found = parts("whatsapp", "word " * 1000, structured='{"buttons": []}')
    assert [bool(part.structured_json) for part in found] == [False, True]


def test_a_short_message_is_one_up_to_160_characters_and_several_of_153_beyond() -> None:
    assert [len(part.text) for part in parts("sms", "x" * 160)] == [160]
    assert [len(part.text) for part in parts("sms", "x" * 161)] == [153, 8]
    assert [len(part.text) for part in parts("sms", "ж" * 70)] == [70]
    assert [len(part.text) for part in parts("sms", "ж" * 71)] == [67, 4]


def test_parts_are_numbered_when_wanted_within_the_limit() -> None:
    found = [part.text for part in parts("sms", "word " * 400, number_parts=True)]
    assert len(found) > 9
    assert [part.split()[0] for part in found] == [f"({n}/{len(found)})" for n in range(1, len(found) + 1)]
    assert all(len(part) <= 153 for part in found)
    assert text("sms", "short", number_parts=True) == "short"


def test_the_smaller_limit_holds_and_splitting_can_be_switched_off() -> None:
    assert max(len(part.text) for part in parts("web", "word " * 50, max_chars=40)) <= 40
    assert [len(part.text) for part in parts("voice", "x" * 1200, max_chars=9000)] == [500, 500, 200]
    assert len(parts("sms", "x" * 1000, split=False)) == 1
    assert len(parts("email", "x" * 50_000)) == 1


def test_marks_are_closed_at_the_end_of_a_part_and_opened_in_the_next() -> None:
    found = [part.text for part in parts("telegram", "**" + "bold words " * 12 + "end**", max_chars=60)]
    assert all(part.startswith("<b>") and part.endswith("</b>") for part in found)
    assert " ".join(part[3:-4] for part in found) == "bold words " * 12 + "end"


def test_a_long_url_is_written_out_where_it_can_be_cut() -> None:
    found = [part.text for part in parts("slack", f"[page](https://x.example/{'y' * 300})", max_chars=100)]
    assert "".join("".join(found).split()) == f"page(https://x.example/{'y' * 300})"


class Balanced(HTMLParser):
    """Fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(SOURCES, st.integers(20, 200))
def test_every_part_of_any_reply_fits_and_its_marks_nest(source: str, limit: int) -> None:
    for part in parts("telegram", source, max_chars=limit):
        assert len(part.text) <= max(limit, 0) or "<" in part.text
        read = Balanced()
        read.feed(part.text)
        assert read.open == []


@given(SOURCES, st.sampled_from(["whatsapp", "sms", "slack", "voice", "web", "teams"]), st.booleans())
def test_no_part_is_over_the_limit_of_its_medium(source: str, channel: str, numbered: bool) -> None:
    limit = channel_catalogue.known(channel).capability.max_chars
    found = parts(channel, source * 3, number_parts=numbered)
    assert found
    assert [(part.index, part.count) for part in found] == [(n, len(found)) for n in range(len(found))]
    for part in found:
        if channel == "sms":
            assert short_messages.units(part.text, short_messages.alphabet(part.text)) <= limit
        else:
            assert len(part.text) <= limit
