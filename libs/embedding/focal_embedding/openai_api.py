"""Embeddings from any OpenAI-compatible endpoint, through the official client."""

from collections.abc import Sequence

import numpy as np
import openai

from focal_embedding import unit
from focal_embedding.embedder import Thresholds, Vectors
from focal_embedding.errors import EmbeddingError, UnusableVectors

_RETRY_AFTER_MAX_S = 300.0
_RESIZABLE = "text-embedding-3"  # the only model family that takes `dimensions`; others reject the parameter


class OpenAIEmbedder:
    """Asks `client` for vectors, `batch_size` texts per request; timeout and retries are the
    client's.

    The default thresholds are the design's, not calibrated for a model (see Thresholds).
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        *,
        model: str,
        dimensions: int,
        thresholds: Thresholds | None = None,
        batch_size: int = 128,
    ) -> None:
        self._client = client
        self._model = model
        self._dimensions = dimensions
        self._thresholds = thresholds or Thresholds()
        self._batch_size = batch_size

    @property
    def model(self) -> str:
        return f"{self._model}/{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def thresholds(self) -> Thresholds:
        return self._thresholds

    async def embed(self, texts: Sequence[str]) -> Vectors:
        batches = [texts[i : i + self._batch_size] for i in range(0, len(texts), self._batch_size)]
        vectors = [await self._embed_batch(batch) for batch in batches]
        return np.concatenate(vectors) if vectors else np.zeros((0, self._dimensions), np.float32)

    async def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        size = self._dimensions if self._model.startswith(_RESIZABLE) else openai.omit
        sent = [text if text.strip() else "-" for text in texts]  # the API refuses empty input
        try:
            reply = await self._client.embeddings.create(model=self._model, input=sent, dimensions=size)
        except openai.OpenAIError as error:
            raise EmbeddingError(
                _describe(self._model, error), retry_after_s=_retry_after_s(error)
            ) from error
        except ValueError as error:  # the client found no data, or a body that is no JSON
            raise UnusableVectors(f"embedding model '{self._model}' sent no usable answer") from error
        in_order = sorted(reply.data, key=lambda item: item.index or 0)
        return unit.checked([item.embedding for item in in_order], len(texts), self._dimensions, self._model)

    async def aclose(self) -> None:
        """Closes the HTTP connections."""
        await self._client.close()


def _describe(model: str, error: openai.OpenAIError) -> str:
    if isinstance(error, openai.APITimeoutError):
        return f"embedding model '{model}' did not answer in time"
    if isinstance(error, openai.APIStatusError):
        return f"embedding model '{model}' answered with status {error.status_code}"
    return f"embedding model '{model}' cannot be reached"


def _retry_after_s(error: openai.OpenAIError) -> float | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        return min(max(float(error.response.headers["retry-after"]), 0.0), _RETRY_AFTER_MAX_S)
    except (KeyError, ValueError):
        return None
