"""What can go wrong while embedding.

EmbeddingError       the model could not be reached, or answered with an error; try later
└── UnusableVectors  it answered, but not with the vectors asked for (count, length or values)
"""

from focal_kernel import errors


class EmbeddingError(errors.Unavailable):
    """The embedding model gave no vectors. The message carries neither provider text nor keys."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__("MODEL_UNAVAILABLE", message, retry_after_s=retry_after_s)


class UnusableVectors(EmbeddingError):
    """The model answered with vectors that do not fit its declaration."""
