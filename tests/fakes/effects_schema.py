"""All that the toolbox has written, to look for what it must not write."""

from __future__ import annotations

import asyncpg


async def rows(database: str) -> list[str]:
    """Every row of every table of the schema `effects`, with all of its columns as text."""
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'effects'")
        found: list[str] = []
        for table in tables:
            texts = await connection.fetch(f"SELECT t::text FROM effects.{table[0]} t")
            found += [str(text[0]) for text in texts]
    finally:
        await connection.close()
    assert found
    return found
