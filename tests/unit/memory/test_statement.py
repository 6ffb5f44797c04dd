"""The recall statement's parameters."""

from __future__ import annotations

from focal_memory.adapters.postgres import statement
from focal_memory.domain.question import Scope
from focal_memory.domain.rarity import Weighted
from focal_memory.ports import Search

SCOPE = Scope("acme", customer_id="c1")


def test_no_word_can_break_out_of_its_quotes() -> None:
    search = Search(SCOPE, [Weighted("o'brien", 1.0), Weighted("back\\slash", 2.0)], None, 15)
    arguments = statement.arguments(search, statement.Tuning())
    assert arguments[7] == "'o''brien' | 'back\\\\slash'"
    assert arguments[9] == [1.0, 2.0]


def test_without_words_and_without_vector_both_lists_stay_empty() -> None:
    arguments = statement.arguments(Search(SCOPE, [], None, 15), statement.Tuning())
    assert (arguments[5], arguments[7]) == (None, None)


def test_lists_are_never_shorter_than_the_answer() -> None:
    tuning = statement.Tuning(list_depth=20)
    assert statement.arguments(Search(SCOPE, [], None, 15), tuning)[6] == 20
    assert statement.arguments(Search(SCOPE, [], None, 50), tuning)[6] == 50


def test_the_statement_has_one_term_per_word_and_the_models_dimensions() -> None:
    text = statement.text(dimensions=768, words=3)
    assert text.count("CASE WHEN words @@") == 3
    assert "halfvec(768)" in text
    assert "%" not in text
