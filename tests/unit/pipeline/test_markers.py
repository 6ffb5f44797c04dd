import pytest

from focal_pipeline.core.markers import Markers


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("i meant", "Sorry, I MEANT 10004"),
        ("quise decir", "perdón, quise decir 10004"),
        ("اقصد", "اقصد الطلب الثاني"),
        ("मेरा मतलब", "मेरा मतलब 10004"),
        ("我是说", "不,我是说10004"),
        ("じゃなくて", "10003じゃなくて10004です"),
        ("s'il vous plaît", "s\N{RIGHT SINGLE QUOTATION MARK}il vous plaît"),
        ("wait", "\N{FULLWIDTH LATIN SMALL LETTER W}ait"),
    ],
)
def test_a_phrase_is_found_in_any_script(phrase: str, text: str) -> None:
    assert Markers([phrase]).in_(text)


@pytest.mark.parametrize("text", ["a notable order", "waiting", "unstoppable", "नहींतो"])
def test_a_part_of_a_word_is_not_the_phrase(text: str) -> None:
    assert not Markers(["no", "wait", "stop", "नहीं"]).in_(text)


def test_a_phrase_opens_a_text_behind_punctuation_only() -> None:
    markers = Markers(["no"])
    assert markers.open("… No, the other one")
    assert not markers.open("there is no other one")


@pytest.mark.parametrize("text", ["Thanks!", "please 🙏", "  ??", "thanks, please", "谢谢!"])
def test_a_courtesy_is_nothing_but_its_phrases(text: str) -> None:
    assert Markers(["thanks", "please", "谢谢"]).are_all_of(text)


def test_a_courtesy_with_a_wish_is_more() -> None:
    assert not Markers(["thanks", "please"]).are_all_of("please hurry")


def test_no_phrases_are_found_nowhere() -> None:
    none = Markers([])
    assert not none.in_("no")
    assert not none.open("no")
    assert not none.are_all_of("no")
