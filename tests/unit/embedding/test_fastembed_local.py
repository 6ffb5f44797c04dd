from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from focal_embedding import EmbeddingError
from focal_embedding.errors import UnusableVectors
from focal_embedding.fastembed_local import FastEmbedder, load


class TinyModel:
    def __init__(self, rows: list[Any] | None = None) -> None:
        self._rows = rows

    def embed(self, documents: list[str], batch_size: int) -> Iterable[Any]:
        if "explode" in documents:
            raise RuntimeError("ONNX detail")
        return self._rows or [np.array([3.0, 4.0])] * len(documents)


def embedder(model: TinyModel) -> FastEmbedder:
    return FastEmbedder(model, model="tiny", dimensions=2)


async def test_vectors_are_brought_to_unit_length() -> None:
    assert np.allclose(await embedder(TinyModel()).embed(["a", "b"]), [[0.6, 0.8], [0.6, 0.8]])


@pytest.mark.parametrize("row", [[0.0, 0.0], [np.nan, 1.0], [1.0, 2.0, 3.0], []])
async def test_unusable_vectors_are_refused(row: list[float]) -> None:
    with pytest.raises(UnusableVectors):
        await embedder(TinyModel([np.array(row)])).embed(["a"])


async def test_a_failing_model_is_an_embedding_error_without_its_details() -> None:
    with pytest.raises(EmbeddingError) as caught:
        await embedder(TinyModel()).embed(["explode"])
    assert "ONNX" not in caught.value.message


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(EmbeddingError, match=r"focal-embedding\[fastembed\]"):
        load("any")
