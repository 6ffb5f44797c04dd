"""Checks foreign vectors and brings them to length 1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from focal_embedding.embedder import Vectors
from focal_embedding.errors import UnusableVectors


def checked(rows: Sequence[ArrayLike], count: int, dimensions: int, model: str) -> Vectors:
    """`rows` as a (count, dimensions) array of unit rows.

    Raises UnusableVectors on another count or length, and on rows that are zero or not finite.
    """
    if len(rows) != count:
        raise UnusableVectors(f"embedding model '{model}' sent {len(rows)} vectors for {count} texts")
    for row in rows:
        if np.shape(row) != (dimensions,):
            raise UnusableVectors(
                f"embedding model '{model}' sends {np.size(row)} dimensions instead of {dimensions}"
            )
    vectors = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(norms)) or not np.all(norms > 0):
        raise UnusableVectors(f"embedding model '{model}' sent a vector that is zero or not finite")
    normed: Vectors = vectors / norms
    return normed
