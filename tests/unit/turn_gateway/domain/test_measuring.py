from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from focal_turn_gateway.domain import channel_catalogue, dialects, markdown
from focal_turn_gateway.domain.channels import Markup
from focal_turn_gateway.domain.measuring import Measure
from focal_turn_gateway.domain.reply_parts import FormatReply
from focal_turn_gateway.domain.turns import ReplySegment

READER = markdown.reader()
SOURCES = st.lists(
    st.sampled_from(
        [
            "**a ",
            "b** ",
            "*c* ",
            "~~d~~",
            " ",
            "\n",
            "\n\n",
            "```\n e \n\n```\n",
            "`f`",
            "<&>",
            "> g\n",
            "- h\n",
            "🙂",
            "[i](https://x.example)",
        ]
    ),
    max_size=10,
).map("".join)


@given(SOURCES)
@example("**a b** ~~d~~ *c\n\n* **a\nb**")
@settings(max_examples=40)
def test_every_stretch_costs_what_it_is_long_once_written(source: str) -> None:
    dialect = dialects.TELEGRAM
    text = markdown.styled(source, READER, dialect)
    measure = Measure(text, dialect.escape, len)
    for start, end in combinations(range(len(text.text) + 1), 2):
        assert measure.cost(start, end) == len(text.written(start, end, dialect.escape))


@given(SOURCES, st.data())
def test_pieces_are_the_stretches_as_they_are_written_one_by_one(source: str, data: st.DataObject) -> None:
    dialect = dialects.TELEGRAM
    text = markdown.styled(source, READER, dialect)
    places = sorted(data.draw(st.sets(st.integers(0, len(text.text)), max_size=6)))
    stretches = list(pairwise(places))
    assert text.pieces(stretches, dialect.escape) == [
        text.written(start, end, dialect.escape) for start, end in stretches
    ]


def test_a_long_reply_is_not_written_out_again_for_each_place_where_it_may_be_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    escaped = 0

    def escape(text: str) -> str:
        nonlocal escaped
        escaped += len(text)
        return dialects.TELEGRAM.escape(text)

    monkeypatch.setitem(
        dialects.DIALECTS,
        Markup.TELEGRAM,
        replace(dialects.TELEGRAM, escape=escape),
    )
    telegram = channel_catalogue.known("telegram")
    reply = "Some **bold** words. " * 1000
    parts = FormatReply(READER)([ReplySegment(0, reply)], telegram, replace(telegram.policy, max_chars=200))
    assert len(parts) > 50
    assert escaped < 3 * len(reply)
