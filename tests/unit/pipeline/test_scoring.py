import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from focal_pipeline.domain import scoring

numbers = st.floats(0, 100, width=32)
columns = arrays.arrays(np.float32, st.integers(1, 30), elements=numbers)


def test_the_hybrid_part_is_seven_parts_cosine_and_three_parts_words() -> None:
    cosines, lexical = np.array([0.8, 0.5], np.float32), np.array([0.0, 4.0], np.float32)
    assert scoring.hybrid(cosines, lexical) == pytest.approx([0.56, 0.65])


def test_the_final_score_weighs_hybrid_priority_and_scope() -> None:
    score = scoring.final(
        np.array([0.5, 0.5], np.float32), np.array([0, 100], np.float32), np.array([1.0, 1.2], np.float32)
    )
    assert score == pytest.approx([0.6 * 0.5 + 0.1, 0.6 * 0.5 + 0.3 + 0.12])


def test_equal_priorities_all_count_one() -> None:
    assert scoring.min_max(np.array([5, 5], np.float32)).tolist() == [1, 1]


def test_no_common_word_is_no_evidence_for_anyone() -> None:
    assert scoring.evidence(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


def test_a_negative_cosine_takes_nothing_away() -> None:
    assert scoring.hybrid(np.array([-1.0], np.float32), np.array([1.0], np.float32)) == pytest.approx([0.3])


@given(columns)
def test_normalising_keeps_the_order_and_the_range(values: scoring.Scores) -> None:
    stretched = scoring.min_max(values)
    assert stretched.min() >= 0
    assert stretched.max() == 1
    order = np.argsort(values, kind="stable")
    assert (np.diff(stretched[order]) >= 0).all()


@given(columns, st.floats(0.5, 50, width=32))
def test_normalising_does_not_depend_on_the_unit(values: scoring.Scores, factor: float) -> None:
    scaled = scoring.evidence(values * np.float32(factor))
    assert scaled == pytest.approx(scoring.evidence(values), abs=1e-3)


@given(columns)
def test_the_hybrid_part_stays_between_nothing_and_certainty(values: scoring.Scores) -> None:
    part = scoring.hybrid(values / np.float32(100), values)
    assert part.min() >= 0
    assert part.max() <= 1 + 1e-6
