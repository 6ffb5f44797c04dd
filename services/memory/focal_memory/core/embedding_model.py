"""Makes sure that this process embeds with the model whose vectors are stored."""

from __future__ import annotations

from focal_embedding import Embedder
from focal_memory import errors
from focal_memory.ports import Model, ModelRegister


class EmbeddingModel:
    """Compares the embedder with the store; the first embedder of an empty store wins."""

    def __init__(self, register: ModelRegister, embedder: Embedder) -> None:
        self.ours = Model(embedder.model, embedder.dimensions)
        self._register = register
        self._agrees = False

    async def check(self) -> None:
        """Readiness: raises EmbeddingMismatch while the stored vectors are another model's."""
        stored = await self._register.claim(self.ours)
        self._agrees = stored == self.ours
        if not self._agrees:
            raise errors.EmbeddingMismatch(stored.name, self.ours.name)

    async def require(self) -> None:
        """As `check`, but costs nothing once the models were found to agree."""
        if not self._agrees:
            await self.check()
