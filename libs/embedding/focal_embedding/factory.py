"""Builds the embedder that the settings name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from focal_embedding import hashed
from focal_embedding.cached import CachedEmbedder
from focal_embedding.embedder import Embedder, Thresholds
from focal_embedding.hashed import HashedEmbedder
from focal_embedding.settings import EmbeddingSettings


@asynccontextmanager
async def opened(settings: EmbeddingSettings) -> AsyncIterator[Embedder]:
    """The embedder for as long as the block runs; its connections, if it has any, are closed after
    it.
    """
    embedder = _build(settings)
    try:
        yield _with_cache(embedder, settings)
    finally:
        if aclose := getattr(embedder, "aclose", None):
            await aclose()


def from_settings(settings: EmbeddingSettings) -> Embedder:
    """The embedder for the process's lifetime. Raises EmbeddingError when a local model cannot be
    loaded.
    """
    return _with_cache(_build(settings), settings)


def _with_cache(embedder: Embedder, settings: EmbeddingSettings) -> Embedder:
    if isinstance(embedder, HashedEmbedder) or settings.cache_entries == 0:
        return embedder  # hashing costs less than keeping the text as a key
    return CachedEmbedder(embedder, settings.cache_entries)


def _build(settings: EmbeddingSettings) -> Embedder:
    match settings.provider:
        case "hashed":
            return HashedEmbedder(settings.dimensions, settings.thresholds.over(hashed.THRESHOLDS))
        case "openai":
            return _openai(settings)
        case "fastembed":
            return _fastembed(settings)


def _openai(settings: EmbeddingSettings) -> Embedder:
    import openai  # a second of start-up that the offline embedding need not pay

    from focal_embedding.openai_api import OpenAIEmbedder

    client = openai.AsyncOpenAI(
        base_url=settings.base_url,
        api_key=settings.api_key.get_secret_value() if settings.api_key else "none",
        timeout=settings.timeout_s,
        max_retries=settings.max_retries,
    )
    return OpenAIEmbedder(
        client,
        model=settings.model,
        dimensions=settings.dimensions,
        thresholds=settings.thresholds.over(Thresholds()),
        batch_size=settings.batch_size,
    )


def _fastembed(settings: EmbeddingSettings) -> Embedder:
    from focal_embedding import fastembed_local

    return fastembed_local.FastEmbedder(
        fastembed_local.load(settings.model),
        model=settings.model,
        dimensions=settings.dimensions,
        thresholds=settings.thresholds.over(Thresholds()),
        batch_size=settings.batch_size,
    )
