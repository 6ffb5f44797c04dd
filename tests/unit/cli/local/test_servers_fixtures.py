"""The fixtures that every test on real servers stands on."""

import asyncpg
import redis


async def test_each_test_gets_a_database_of_its_own_with_pgvector(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        assert await connection.fetchval("SELECT '[1,2]'::vector <-> '[1,2]'::vector") == 0
        await connection.execute("CREATE TABLE left_behind ()")
    finally:
        await connection.close()


async def test_nothing_of_another_test_is_left_in_the_database(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        assert await connection.fetchval("SELECT to_regclass('left_behind')") is None
    finally:
        await connection.close()


def test_each_test_gets_an_empty_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", "by the first test")


def test_nothing_of_another_test_is_left_in_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
