"""The real client against the model double, over HTTP."""

from collections.abc import AsyncIterator

import numpy as np
import openai
import pytest
from pydantic import SecretStr

from focal_embedding import EmbeddingError, EmbeddingSettings, opened
from focal_embedding.errors import UnusableVectors
from focal_embedding.hashed import HashedEmbedder
from focal_embedding.openai_api import OpenAIEmbedder
from tests.doubles import openai_server
from tests.doubles.model_script import Fault, Reply
from tests.doubles.openai_server import OpenAIDouble


@pytest.fixture
async def double() -> AsyncIterator[OpenAIDouble]:
    async with openai_server.running() as running:
        yield running


def embedder(double: OpenAIDouble, *, dimensions: int = 384, batch_size: int = 128) -> OpenAIEmbedder:
    client = openai.AsyncOpenAI(base_url=double.base_url, api_key="k", timeout=1, max_retries=0)
    return OpenAIEmbedder(client, model="double-embedding", dimensions=dimensions, batch_size=batch_size)


async def test_vectors_come_in_the_order_of_the_texts_over_several_batches(double: OpenAIDouble) -> None:
    texts = [f"order {i}" for i in range(7)]
    vectors = await embedder(double, batch_size=3).embed(texts)
    assert np.allclose(vectors, await HashedEmbedder().embed(texts), atol=1e-6)
    assert double.counts["embeddings"]["count"] == 3


async def test_no_texts_cost_no_request(double: OpenAIDouble) -> None:
    assert (await embedder(double).embed([])).shape == (0, 384)
    assert double.counts["embeddings"]["count"] == 0


async def test_an_empty_text_is_embedded_although_the_api_refuses_it(double: OpenAIDouble) -> None:
    assert (await embedder(double).embed(["", " \n"])).shape == (2, 384)


async def test_another_number_of_dimensions_is_refused(double: OpenAIDouble) -> None:
    with pytest.raises(UnusableVectors, match="384 dimensions instead of 1536"):
        await embedder(double, dimensions=1536).embed(["a"])


async def test_a_rate_limit_says_when_to_come_back(double: OpenAIDouble) -> None:
    double.embeddings.add(Reply(fault=Fault(status=429, retry_after_s=7)))
    with pytest.raises(EmbeddingError, match="status 429") as caught:
        await embedder(double).embed(["a"])
    assert caught.value.retry_after_s == 7
    assert caught.value.reason == "MODEL_UNAVAILABLE"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(hang=True),
        Fault(cut_after=0),
        Fault(body="<html>gateway</html>"),
        Fault(body="{}"),
        Fault(body='{"data": [], "object": "list", "model": "m"}'),
        Fault(body='{"data": [{"index": 0}], "object": "list", "model": "m"}'),
    ],
    ids=["500", "no answer", "cut", "no JSON", "no data", "no vectors", "no vector"],
)
async def test_a_bad_answer_is_an_embedding_error(double: OpenAIDouble, fault: Fault) -> None:
    double.embeddings.add(Reply(fault=fault))
    with pytest.raises(EmbeddingError):
        await embedder(double).embed(["a"])


async def test_the_settings_build_a_cached_embedder_that_retries(double: OpenAIDouble) -> None:
    double.embeddings.add(Reply(fault=Fault(status=500)))
    settings = EmbeddingSettings(
        provider="openai",
        model="text-embedding-3-small",
        base_url=double.base_url,
        api_key=SecretStr("k"),
        dimensions=256,
    )
    async with opened(settings) as cached:
        first = await cached.embed(["a refund"])
        await cached.embed(["a refund"])
    assert first.shape == (1, 256)
    assert double.counts["embeddings"]["count"] == 2
