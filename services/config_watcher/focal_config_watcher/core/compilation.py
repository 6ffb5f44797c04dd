"""From a checked bundle to the bytes that are stored: definitions, vectors, word postings."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import numpy as np

from focal_config_watcher.domain import lexical, retrieval, version
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.retrieval import RetrievalIndex
from focal_config_watcher.domain.version import Compiled
from focal_config_watcher.ports import BundleEncoder
from focal_embedding import Embedder, words

FORMAT = "1"
"""Part of the definition hash; raise it when equal sources compile to something else."""


@dataclass(frozen=True)
class Progress:
    """Texts embedded so far, of how many."""

    completed: int
    total: int


@dataclass(frozen=True)
class Compiler:
    """Compiles with one embedding; `batch` texts are embedded between two reports."""

    embedder: Embedder
    encoder: BundleEncoder
    batch: int

    def definitions(self, bundle: AuthoredBundle) -> dict[str, bytes]:
        """The parts that the author wrote."""
        return self.encoder.definitions(bundle)

    def definition_hash(self, definitions: Mapping[str, bytes]) -> str:
        """Equal for equal sources compiled alike."""
        names = [name for name in version.PART_NAMES if name in definitions]
        made_with = (self.embedder.model, str(self.embedder.dimensions), FORMAT)
        return version.hash_of(definitions, names, made_with)

    async def index(self, bundle: AuthoredBundle) -> AsyncIterator[Progress | RetrievalIndex]:
        """Progress reports, then the index. EmbeddingError when the model cannot be reached."""
        texts = retrieval.texts(bundle)
        rows = [np.empty((0, self.embedder.dimensions), np.float32)]
        completed = 0
        yield Progress(0, len(texts))
        waiting = list(texts.values())
        for start in range(0, len(waiting), self.batch):
            batch = waiting[start : start + self.batch]
            rows.append(await self.embedder.embed(batch))
            completed += len(batch)
            yield Progress(completed, len(texts))
        rules = {key: words.split(text) for key, text in texts.items() if retrieval.is_rule(key)}
        yield RetrievalIndex(
            keys=tuple(texts),
            matrix=np.concatenate(rows),
            lexical=lexical.build(tuple(rules), list(rules.values())),
        )

    def compiled(self, definitions: Mapping[str, bytes], index: RetrievalIndex) -> Compiled:
        """Everything together."""
        return Compiled(
            parts={**definitions, "vectors": self.encoder.vectors(index)},
            definition_hash=self.definition_hash(definitions),
            embedding_model=self.embedder.model,
            embedding_dimensions=self.embedder.dimensions,
        )
