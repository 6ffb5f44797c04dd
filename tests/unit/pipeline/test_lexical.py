import numpy as np
import pytest

from focal_pipeline import errors
from focal_pipeline.core.lexical import Postings
from focal_pipeline.domain.bundle import LexicalIndex
from tests.fakes import pipeline as fakes

DOCUMENTS = {"rule:a": "where is my parcel", "rule:b": "parcel parcel lost", "rule:c": "opening hours"}


def test_the_row_with_the_rarer_and_more_frequent_words_scores_highest() -> None:
    scores = Postings.compiled(fakes.lexical(DOCUMENTS), list(DOCUMENTS)).score("my PARCEL is lost")
    assert scores[2] == 0
    assert scores[0] > 0
    assert scores[1] > 0


def test_a_repeated_word_of_the_query_counts_once() -> None:
    postings = Postings.compiled(fakes.lexical(DOCUMENTS), list(DOCUMENTS))
    assert postings.score("hours hours").tolist() == postings.score("hours").tolist()


def test_a_query_without_known_words_scores_nothing() -> None:
    assert Postings.compiled(fakes.lexical(DOCUMENTS), list(DOCUMENTS)).score("xyz").tolist() == [0, 0, 0]


def test_documents_that_are_no_rows_are_ignored() -> None:
    scores = Postings.compiled(fakes.lexical(DOCUMENTS), ["rule:c"]).score("parcel hours")
    assert scores.shape == (1,)
    assert scores[0] > 0


def test_an_index_whose_parts_disagree_is_refused() -> None:
    broken = LexicalIndex(terms=("a",), offsets=np.array([0, 5], "<u4").tobytes(), document_keys=("rule:a",))
    with pytest.raises(errors.BundleUnusable):
        Postings.compiled(broken, ["rule:a"])
