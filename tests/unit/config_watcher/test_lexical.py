"""BM25 postings against the formula, term by term."""

import math

import pytest

from focal_config_watcher.domain import lexical


def weights(index: lexical.LexicalIndex, term: str) -> dict[str, float]:
    row = index.terms.index(term)
    postings = range(index.offsets[row], index.offsets[row + 1])
    return {index.document_keys[index.documents[p]]: float(index.weights[p]) for p in postings}


def test_a_weight_is_the_textbooks() -> None:
    index = lexical.build(["a", "b", "c"], [["red", "red", "shoe"], ["shoe"], ["hat", "box"]])
    rarity = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    saturation = 2 * 2.2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 2))
    assert weights(index, "red") == {"a": pytest.approx(rarity * saturation)}


def test_a_word_in_many_documents_weighs_less_and_a_shorter_document_more() -> None:
    index = lexical.build(["a", "b"], [["shoe", "red", "big"], ["shoe"]])
    assert weights(index, "red")["a"] > weights(index, "shoe")["a"]
    assert weights(index, "shoe")["b"] > weights(index, "shoe")["a"]


def test_terms_are_sorted_and_rows_cover_all_postings() -> None:
    index = lexical.build(["a", "b"], [["b", "a"], ["c", "a"]])
    assert index.terms == ("a", "b", "c")
    assert list(index.offsets) == [0, 2, 3, 4]
    assert list(index.documents) == [0, 1, 0, 1]


def test_nothing_to_index_is_an_empty_index() -> None:
    for index in (lexical.build([], []), lexical.build(["a"], [[]])):
        assert index.terms == ()
        assert list(index.offsets) == [0]
