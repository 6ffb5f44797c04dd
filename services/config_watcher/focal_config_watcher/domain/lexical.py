"""Word postings of many short texts, weighted by BM25.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the
inverse document frequency that stays positive: ln(1 + (N - df + 0.5) / (df + 0.5)). The score of a
query is the sum of the weights of its distinct words.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75


@dataclass(frozen=True)
class LexicalIndex:
    """Postings in compressed sparse rows: those of term `i` are at `offsets[i]` to `offsets[i+1]`.

    `terms` are sorted; `documents` holds indexes into `document_keys`.
    """

    terms: tuple[str, ...]
    offsets: NDArray[np.uint32]
    documents: NDArray[np.uint32]
    weights: NDArray[np.float32]
    document_keys: tuple[str, ...]


def build(keys: Sequence[str], texts: Iterable[Sequence[str]]) -> LexicalIndex:
    """Index `texts`, each the words of one document, under `keys`."""
    counts = [Counter(words) for words in texts]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / len(lengths) if any(lengths) else 1.0
    postings: dict[str, list[tuple[int, int]]] = {}
    for document, count in enumerate(counts):
        for term, frequency in count.items():
            postings.setdefault(term, []).append((document, frequency))
    terms = tuple(sorted(postings))
    sizes = [len(postings[term]) for term in terms]
    return LexicalIndex(
        terms=terms,
        offsets=np.concatenate(([0], np.cumsum(sizes))).astype(np.uint32),
        documents=np.array([d for term in terms for d, _ in postings[term]], np.uint32),
        weights=np.array(
            [
                _rarity(len(keys), len(postings[term])) * _saturation(f, lengths[d] / average)
                for term in terms
                for d, f in postings[term]
            ],
            np.float32,
        ),
        document_keys=tuple(keys),
    )


def _rarity(documents: int, having: int) -> float:
    return math.log(1 + (documents - having + 0.5) / (having + 0.5))


def _saturation(frequency: int, relative_length: float) -> float:
    return frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * relative_length))
