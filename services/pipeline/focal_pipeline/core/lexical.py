"""BM25 over compiled postings: the weights are in the bundle, a query only adds them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focal_embedding import words
from focal_pipeline import errors
from focal_pipeline.domain.bundle import LexicalIndex
from focal_pipeline.domain.scoring import Scores


@dataclass(frozen=True)
class Postings:
    """Compressed sparse rows by term; `rows` are row numbers of the rule table."""

    numbers: Mapping[str, int]
    offsets: NDArray[np.uint32]
    rows: NDArray[np.intp]
    weights: NDArray[np.float32]
    size: int

    @classmethod
    def compiled(cls, index: LexicalIndex, keys: Sequence[str]) -> Postings:
        """Read an index and point its documents at the rows of `keys`. Raises BundleUnusable."""
        offsets = np.frombuffer(index.offsets, "<u4") if index.terms else np.zeros(1, np.uint32)
        documents = np.frombuffer(index.documents, "<u4")
        weights = np.frombuffer(index.weights, "<f4")
        if len(offsets) != len(index.terms) + 1 or not offsets[-1] == len(documents) == len(weights):
            raise errors.BundleUnusable("the word postings are inconsistent")
        row_of_key = {key: row for row, key in enumerate(keys)}
        # A document that is no row of the table lands in one row too many, which `score` cuts off.
        row_of = np.array([row_of_key.get(key, len(keys)) for key in index.document_keys], np.intp)
        numbers = {term: number for number, term in enumerate(index.terms)}
        return cls(numbers, offsets, row_of[documents], weights, len(keys))

    def score(self, text: str) -> Scores:
        """The BM25 score of every row for the distinct words of `text`."""
        numbers = [self.numbers[word] for word in set(words.split(text)) if word in self.numbers]
        spans = [slice(self.offsets[n], self.offsets[n + 1]) for n in sorted(numbers)]
        if not spans:
            return np.zeros(self.size, np.float32)
        rows = np.concatenate([self.rows[span] for span in spans])
        weights = np.concatenate([self.weights[span] for span in spans])
        return np.bincount(rows, weights, self.size + 1)[: self.size].astype(np.float32)
