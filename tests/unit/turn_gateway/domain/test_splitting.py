import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from focal_turn_gateway.domain import short_messages, splitting

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAG = "\U0001f1e9\U0001f1ea"
PIECES = st.sampled_from(
    [
        *("a", "Wort ", "end. ", "what? ", "\n\n", "\n", " ", "\t", "3.14", "e\u0301", "\r\n", "é", "ß"),
        *(FAMILY, FLAG, "👍🏽", "买鞋。", "退款", "はい。", "नमस्ते ", "สวัสดี", "مرحبا؟ ", "\ud7b0\u11a8"),
        *("https://shop.example/orders/10003?a=b ", "www.example.org/x, ", "word" * 20),
    ]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=200)
LIMITS = st.integers(1, 120)


def parts(text: str, limit: int) -> list[str]:
    return [text[a:b] for a, b in splitting.cut(text, limit, lambda a, b: b - a)]


def sms(text: str) -> list[str]:
    alphabet = short_messages.alphabet(text)
    found = splitting.cut(text, alphabet.concatenated, lambda a, b: short_messages.units(text[a:b], alphabet))
    return [text[a:b] for a, b in found]


@given(TEXTS, LIMITS)
@example("\u0301" * 30, 7)
@example("a" * 50 + "https://x.example", 50)
def test_parts_joined_are_the_text_and_none_is_over_its_limit(text: str, limit: int) -> None:
    found = parts(text, limit)
    assert "".join(found) == text
    assert all(0 < len(part) <= limit for part in found)


@given(TEXTS, LIMITS)
def test_what_fits_is_not_cut_again(text: str, limit: int) -> None:
    for part in parts(text, limit):
        assert parts(part, limit) == [part]


@given(TEXTS, LIMITS)
def test_no_cut_falls_inside_what_is_seen_as_one_character(text: str, limit: int) -> None:
    clusters = [match.span() for match in regex.finditer(r"\X", text)]
    whole = [(a, b) for a, b in clusters if b - a <= limit]
    for _, cut in splitting.cut(text, limit, lambda a, b: b - a):
        assert not any(a < cut < b for a, b in whole)


@given(TEXTS)
def test_short_messages_stay_within_their_alphabets_limit(text: str) -> None:
    alphabet = short_messages.alphabet(text)
    found = sms(text)
    assert "".join(found) == text
    assert all(short_messages.units(part, alphabet) <= alphabet.concatenated for part in found)


@given(st.lists(st.sampled_from(["word ", "Satz. ", "买鞋。", FAMILY]), max_size=30), st.integers(40, 90))
def test_a_url_that_fits_a_part_is_never_cut(words: list[str], limit: int) -> None:
    url = "https://shop.example/orders/10003?a=b"
    text = "".join([*words[::2], url, " ", *words[1::2]])
    assert any(url in part for part in parts(text, limit))


@pytest.mark.parametrize(
    ("text", "limit", "first"),
    [
        ("One is here.\n\nTwo is there, and long.", 27, "One is here.\n\n"),
        ("A.\n\nTwo is there. And this is long", 30, "A.\n\nTwo is there. "),
        ("No. this goes on without an end of it", 20, "No. this goes on "),
        ("It costs 3.14159265358979 in all", 20, "It costs "),
        ("Is it? “Yes it is.” he said to her", 24, "Is it? “Yes it is.” "),
        ("你好吗。我想退货，鞋子坏了，谢谢你", 9, "你好吗。我想退货，"),
        ("我想退货吧。鞋子坏了谢谢你", 8, "我想退货吧。"),
        ("鞋子坏了我想退货鞋子坏了", 5, "鞋子坏了我"),
        ("鞋子坏了我，想退货鞋子", 5, "鞋子坏了"),
        ("هل وصل الطلب؟ أريد إرجاعه الآن", 20, "هل وصل الطلب؟ "),
        ("मैं ठीक हूँ। आप कैसे हैं आज", 18, "मैं ठीक हूँ। "),
        ("x" * 30, 20, "x" * 20),
        ("go to https://shop.example/o/1 now", 25, "go to "),
    ],
)
def test_a_text_is_cut_where_it_reads_best(text: str, limit: int, first: str) -> None:
    assert parts(text, limit)[0] == first


def test_a_url_longer_than_a_part_is_cut_because_it_must_be() -> None:
    assert [len(part) for part in parts("https://x.example/" + "y" * 80, 40)] == [40, 40, 18]


def test_a_character_longer_than_a_part_is_cut_between_its_code_points() -> None:
    assert parts(FAMILY, 3) == [FAMILY[:3], FAMILY[3:6], FAMILY[6:]]


@pytest.mark.parametrize(
    ("text", "single", "units"),
    [("Grüße à la carte", 160, 16), ("10 € {x}", 160, 11), ("Grüße – bald", 70, 12), ("👍", 70, 2)],
)
def test_short_messages_count_in_their_alphabet(text: str, single: int, units: int) -> None:
    alphabet = short_messages.alphabet(text)
    assert (alphabet.single, short_messages.units(text, alphabet)) == (single, units)


def test_a_long_text_is_cut_in_reasonable_time() -> None:
    assert "".join(sms("Ein Satz mit Wörtern. " * 1000)) == "Ein Satz mit Wörtern. " * 1000
