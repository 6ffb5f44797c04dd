"""The score of rules against a message (DOMAIN §5.1, ADR-002), vectorised over all rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from focal_pipeline.domain.bundle import Scope

Scores = NDArray[np.float32]

VECTOR_SHARE, LEXICAL_SHARE = 0.7, 0.3  # of the hybrid part
HYBRID_SHARE, PRIORITY_SHARE, SCOPE_SHARE = 0.6, 0.3, 0.1  # of the final score
SCOPE_WEIGHT = {Scope.GLOBAL: 1.0, Scope.SCENARIO: 1.1, Scope.STEP: 1.2}


def hybrid(cosines: Scores, lexical: Scores) -> Scores:
    """0.7·cosine + 0.3·normalised BM25, in 0…1; the part that the threshold applies to.

    A negative cosine counts 0, as in the calibration of the thresholds.
    """
    part: Scores = VECTOR_SHARE * cosines.clip(0, 1) + LEXICAL_SHARE * evidence(lexical)
    return part


def final(hybrid_part: Scores, priorities: Scores, scope_weights: Scores) -> Scores:
    """0.6·hybrid + 0.3·normalised priority + 0.1·scope weight; it only ranks."""
    score: Scores = (
        HYBRID_SHARE * hybrid_part + PRIORITY_SHARE * min_max(priorities) + SCOPE_SHARE * scope_weights
    )
    return score


def min_max(values: Scores) -> Scores:
    """Values stretched to 0…1; all equal become 1."""
    if not values.size:
        return values
    low, high = values.min(), values.max()
    if low == high:
        return np.ones_like(values)
    stretched: Scores = (values - low) / (high - low)
    return stretched


def evidence(lexical: Scores) -> Scores:
    """`min_max`, except that no common word at all is 0: silence is not a tie for the best."""
    if not lexical.size or lexical.max() <= 0:
        return np.zeros_like(lexical)
    return min_max(lexical)
