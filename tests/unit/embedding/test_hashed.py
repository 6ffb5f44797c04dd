import asyncio
import json
import subprocess
import sys

import numpy as np
import pytest

from focal_embedding.hashed import TEXTS_PER_SLICE, HashedEmbedder
from tests.fakes.work import steps

LONG = (
    "Hello there, I bought a pair of running shoes from your shop two weeks ago, order number 10003, and "
    "unfortunately they are too small for me. Could you help me to send them back and get my money?"
)


def cosine(a: str, b: str) -> float:
    embedder = HashedEmbedder()
    return float(embedder.vector(a) @ embedder.vector(b))


@pytest.mark.parametrize(
    "text", ["", "   ", "?!", "a", "a a a", "返", "👍", "\ud800", "x" * 100_000, "!" * 100_000, "the of and"]
)
def test_every_text_has_a_finite_unit_vector(text: str) -> None:
    vector = HashedEmbedder().vector(text)
    assert vector.shape == (384,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_another_process_computes_the_same_vector() -> None:
    program = (
        "import json; from focal_embedding.hashed import HashedEmbedder;"
        "print(json.dumps(HashedEmbedder().vector('Rücksendung 返品 order 10003').tolist()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    here = HashedEmbedder().vector("Rücksendung 返品 order 10003")
    assert np.array_equal(np.array(json.loads(run.stdout), np.float32), here)


def test_inflections_are_nearer_than_other_words() -> None:
    assert cosine("returning shoes", "returned a shoe") > 0.35 > cosine("returning shoes", "blue lamp") + 0.2


def test_a_typing_error_still_overlaps() -> None:
    assert cosine("my delivery address", "my delivry address") > 0.6


def test_grammar_words_alone_do_not_make_texts_alike() -> None:
    assert cosine("where is the lamp", "where is the order") < 0.2


def test_the_order_of_words_does_not_matter() -> None:
    assert cosine("refund my order", "my order refund") == pytest.approx(1, abs=1e-5)


async def test_a_batch_equals_its_single_vectors_and_keeps_their_order() -> None:
    embedder = HashedEmbedder()
    texts = [f"order {i}" for i in range(5)]
    batch = await embedder.embed(texts)
    assert np.array_equal(batch, np.stack([embedder.vector(text) for text in texts]))


async def test_no_texts_yield_an_empty_array_of_the_right_width() -> None:
    assert (await HashedEmbedder(128).embed([])).shape == (0, 128)


async def test_a_large_batch_lets_other_tasks_run() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await HashedEmbedder().embed(["text"] * (TEXTS_PER_SLICE * 3 + 1))
    counting.cancel()
    assert turns >= 3


def test_words_that_were_seen_before_are_not_hashed_again() -> None:
    embedder = HashedEmbedder()
    first, again = (steps(lambda: embedder.vector(LONG)) for _ in range(2))
    assert again < first / 5
