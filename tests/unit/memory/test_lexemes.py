"""The words that an episode is found by."""

from __future__ import annotations

import pytest

from focal_memory.core import lexemes


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Rücksendung für Zoë", "RUCKSENDUNG ZOE"),
        ("Заказ для Наталья", "наталья"),
        ("طلب من محمد", "محمد"),
        ("田中さんの注文", "田中"),
        ("คุณสมชาย", "สมชาย"),
        ("주문자 김민준", "김민준"),
        ("great 👍", "👍"),
    ],
)
def test_names_in_any_script_share_words_with_questions_about_them(stored: str, asked: str) -> None:
    assert set(lexemes.of(asked)) & set(lexemes.of(stored))


def test_a_word_counts_once() -> None:
    assert lexemes.of("no No NO maybe") == ["no", "maybe"]


def test_a_run_of_letters_without_end_is_cut() -> None:
    assert [len(word) for word in lexemes.of("x" * 30_000)] == [lexemes.MAX_CHARS]


def test_text_without_words_has_none() -> None:
    assert lexemes.of("... !?") == []
