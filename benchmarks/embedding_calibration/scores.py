"""Scores every condition of a site against every message: cosine, and the hybrid of DOMAIN §5.1."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedding_calibration.examples import Site
from focal_embedding import Embedder, words

Matrix = NDArray[np.float64]
VECTOR_SHARE, LEXICAL_SHARE = 0.7, 0.3
K1, B = 1.2, 0.75


@dataclass(frozen=True)
class Scores:
    """Shape (messages, conditions) each: the score, and whether the label says the condition is
    met.
    """

    score: Matrix
    met: NDArray[np.bool_]

    def __getitem__(self, rows: slice) -> "Scores":
        return Scores(self.score[rows], self.met[rows])


async def cosine(embedder: Embedder, site: Site) -> Scores:
    """Plain cosine of message and condition."""
    messages = await embedder.embed([message.text for message in site.messages])
    conditions = await embedder.embed(list(site.conditions.values()))
    return Scores((messages @ conditions.T).astype(np.float64), _labels(site))


async def hybrid(embedder: Embedder, site: Site) -> Scores:
    """0.7·cosine (negative ones count 0) + 0.3·BM25, min-max normalised over the site's
    conditions.
    """
    vector = await cosine(embedder, site)
    lexical = np.array([_normalised(row) for row in _bm25(site)])
    score = VECTOR_SHARE * vector.score.clip(min=0) + LEXICAL_SHARE * lexical
    return Scores(score, vector.met)


def _labels(site: Site) -> NDArray[np.bool_]:
    return np.array([[name in m.meets for name in site.conditions] for m in site.messages])


def _normalised(row: Matrix) -> Matrix:
    """All equal is 1, except that no common word at all is 0: silence is not a tie for the best."""
    low, high = row.min(), row.max()
    if high == low:
        return np.full_like(row, 1.0 if high > 0 else 0.0)
    normalised: Matrix = (row - low) / (high - low)
    return normalised


def _bm25(site: Site) -> Matrix:
    documents = [Counter(words.split(text)) for text in site.conditions.values()]
    lengths = np.array([document.total() for document in documents])
    norms = K1 * (1 - B + B * lengths / lengths.mean())
    return np.array([_row(set(words.split(m.text)), documents, norms) for m in site.messages])


def _row(query: set[str], documents: list[Counter[str]], norms: Matrix) -> Matrix:
    total = np.zeros(len(documents))
    for word in query:
        counts = np.array([document[word] for document in documents])
        holders = np.count_nonzero(counts)
        idf = np.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
        total += idf * counts * (K1 + 1) / (counts + norms)
    return total
