"""Embeddings from a local ONNX model through fastembed, an optional extra: `pip install
focal-embedding[fastembed]`.
"""

import asyncio
import importlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

import numpy as np

from focal_embedding import unit
from focal_embedding.embedder import Thresholds, Vectors
from focal_embedding.errors import EmbeddingError


class LocalModel(Protocol):
    """What we use of `fastembed.TextEmbedding`."""

    def embed(self, documents: list[str], batch_size: int) -> Iterable[Any]: ...


def load(model: str) -> LocalModel:
    """Loads the model's files, fetching them at first use (seconds to minutes).

    Raises EmbeddingError when fastembed is not installed or the model cannot be had.
    """
    try:
        fastembed = importlib.import_module("fastembed")
    except ImportError as error:
        raise EmbeddingError("provider fastembed needs the extra focal-embedding[fastembed]") from error
    try:
        return cast(LocalModel, fastembed.TextEmbedding(model_name=model))
    except Exception as error:  # it raises whatever its download and ONNX layers raise
        raise EmbeddingError(f"fastembed cannot load model '{model}'") from error


class FastEmbedder:
    """Runs the model in a worker thread, so that the event loop stays free.

    The default thresholds are the design's, not calibrated for a model (see Thresholds).
    """

    def __init__(
        self,
        local_model: LocalModel,
        *,
        model: str,
        dimensions: int,
        thresholds: Thresholds | None = None,
        batch_size: int = 128,
    ) -> None:
        self._local_model = local_model
        self._model = model
        self._dimensions = dimensions
        self._thresholds = thresholds or Thresholds()
        self._batch_size = batch_size

    @property
    def model(self) -> str:
        return self._model

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def thresholds(self) -> Thresholds:
        return self._thresholds

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self._dimensions), np.float32)
        rows = await asyncio.to_thread(self._run, list(texts))
        return unit.checked(rows, len(texts), self._dimensions, self._model)

    def _run(self, texts: list[str]) -> list[Any]:
        try:
            return list(self._local_model.embed(texts, batch_size=self._batch_size))
        except Exception as error:  # ONNX errors share no base class
            raise EmbeddingError(f"local embedding model '{self._model}' failed") from error
