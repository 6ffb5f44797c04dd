"""The port: what every embedding offers to the services that compare texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape (n, dimensions); every row has length 1, so a dot product is a cosine."""


@dataclass(frozen=True)
class Thresholds:
    """Decision limits that belong to one embedding model, each in 0…1.

    Two models spread their cosines differently, so a limit is only meaningful beside the model it
    was measured with. The defaults are the design's values for a semantic model and are not
    calibrated for any particular one; `benchmarks/embedding_calibration` measures the values for a
    model.
    """

    rule: float = 0.5
    """Hybrid part, 0.7·cosine + 0.3·normalised BM25, from which a rule is a candidate."""
    scenario_entry: float = 0.65
    """Cosine of utterance and entry condition from which a scenario starts."""
    transition: float = 0.65
    """Cosine of utterance and transition condition from which the transition may be taken."""
    sanity: float = 0.35
    """Best transition cosine below which the turn counts as being off the scenario's path."""
    margin: float = 0.1
    """Lead over the second best transition that makes the best one unambiguous."""
    relocalization: float = 0.7
    """Cosine of utterance and step description from which a lost scenario moves to that step."""


class Embedder(Protocol):
    """Turns texts into comparable vectors."""

    @property
    def model(self) -> str:
        """Name and version of the embedding; vectors of two names must never be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    @property
    def thresholds(self) -> Thresholds:
        """The limits that fit this model's cosines."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text, in the order given; (0, dimensions) for no texts.

        Raises EmbeddingError when the model cannot be reached or answers something unusable.
        """
        ...
