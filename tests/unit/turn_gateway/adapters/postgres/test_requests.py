"""What an earlier call with the same request id came to, on real tables."""

import asyncio

import asyncpg
import pytest

pytestmark = pytest.mark.migrated("focal_turn_gateway")

ASKED = "SELECT turns.answered_before('acme', $1, $2, $3, $4)"


async def test_of_calls_at_once_with_one_request_id_one_is_the_first(pool: asyncpg.Pool) -> None:
    calls = (pool.fetchval(ASKED, "Do", "r1", "content", f"subject {number}") for number in range(5))
    first, *others = sorted(await asyncio.gather(*calls), key=lambda answer: answer or "")
    assert first is None
    assert len(set(others)) == 1
    assert others[0].startswith("subject")


async def test_a_repeat_waits_for_the_first_call_and_is_the_first_when_that_fails(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await connection.fetchval(ASKED, "Do", "r1", "content", "a") is None
        repeat = asyncio.ensure_future(pool.fetchval(ASKED, "Do", "r1", "content", "b"))
        assert not (await asyncio.wait([repeat], timeout=0.2))[0]
        await transaction.rollback()
    assert await repeat is None
    assert await pool.fetchval(ASKED, "Do", "r1", "content", "c") == "b"


async def test_a_look_leaves_nothing_and_other_content_is_refused(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval(ASKED, "Do", "r1", "content", None) is None
    assert await pool.fetchval(ASKED, "Do", "r1", "content", "a") is None
    assert await pool.fetchval(ASKED, "Do", "r1", "content", None) == "a"
    assert await pool.fetchval(ASKED, "Undo", "r1", "other", None) is None
    for subject in (None, "b"):
        with pytest.raises(asyncpg.PostgresError) as caught:
            await pool.fetchval(ASKED, "Do", "r1", "other", subject)
        assert caught.value.sqlstate == "FC003"


async def test_without_a_request_id_every_call_is_the_first(pool: asyncpg.Pool) -> None:
    assert [await pool.fetchval(ASKED, "Do", "", "content", "a") for _ in range(2)] == [None, None]
