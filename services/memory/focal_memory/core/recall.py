"""Finds what fits a text, by vector and by words, without any language model."""

from __future__ import annotations

from collections.abc import Sequence

from focal_embedding import Embedder, EmbeddingError
from focal_embedding.function_words import FUNCTION_WORDS
from focal_memory.core import lexemes
from focal_memory.core.embedding_model import EmbeddingModel
from focal_memory.domain import question, rarity
from focal_memory.domain.episode import Recalled
from focal_memory.domain.question import Question
from focal_memory.ports import EpisodeStore, Search, WordCounts
from focal_service_kit import logging

_log = logging.get("recall")


class Recall:
    """Embeds the question, chooses its telling words, and asks the store once."""

    def __init__(
        self,
        store: EpisodeStore,
        counts: WordCounts,
        embedder: Embedder,
        model: EmbeddingModel,
        choice: rarity.Choice,
        max_chars: int,
    ) -> None:
        self._store = store
        self._counts = counts
        self._embedder = embedder
        self._model = model
        self._choice = choice
        self._max_chars = max_chars

    async def find(self, asked: Question) -> list[Recalled]:
        """Best first, at most `asked.limit`; InvalidArgument or EmbeddingMismatch when it cannot be asked.

        When the embedding model is away, words alone decide: a poorer answer serves a turn better than none.
        """
        question.check(asked, self._max_chars)
        await self._model.require()
        return await self._store.recall(
            Search(
                scope=asked.scope,
                words=await self._words(asked),
                vector=await self._vector(asked.text),
                limit=asked.limit,
                valid_at=asked.valid_at,
                known_at=asked.known_at,
            )
        )

    async def _words(self, asked: Question) -> list[rarity.Weighted]:
        words = lexemes.of(asked.text)
        counted = await self._counts.frequencies(asked.scope.tenant)
        return rarity.choose(words, counted or rarity.UNCOUNTED, self._choice, FUNCTION_WORDS)

    async def _vector(self, text: str) -> Sequence[float] | None:
        try:
            vectors = await self._embedder.embed([text])
        except EmbeddingError as error:
            _log.warning("recall without vectors", reason=error.message)
            return None
        vector: list[float] = vectors[0].tolist()
        return vector
