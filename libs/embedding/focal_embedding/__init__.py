"""Text in, unit vectors out: one port (`Embedder`) and the three ways Focal fills it.

Here live the port, its settings, the offline hashed embedding, the OpenAI-compatible and the
fastembed adapter, and the word splitter they share with lexical search. Nothing here stores a
vector, ranks anything or knows what a rule is.
"""

from focal_embedding.embedder import Embedder, Thresholds, Vectors
from focal_embedding.errors import EmbeddingError
from focal_embedding.factory import from_settings, opened
from focal_embedding.settings import EmbeddingSettings

__all__ = [
    "Embedder",
    "EmbeddingError",
    "EmbeddingSettings",
    "Thresholds",
    "Vectors",
    "from_settings",
    "opened",
]
