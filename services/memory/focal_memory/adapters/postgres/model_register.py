"""Which embedding model the stored vectors come from, one row for the whole store."""

from __future__ import annotations

import asyncpg

from focal_memory.ports import Model


class PostgresModelRegister:
    """The table `memory.embedding_model`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def claim(self, model: Model) -> Model:
        stored = await self._stored()
        if stored is None:
            await self._pool.execute(
                "INSERT INTO memory.embedding_model (model, dimensions) VALUES ($1, $2)"
                " ON CONFLICT DO NOTHING",
                model.name,
                model.dimensions,
            )
            stored = await self._stored()
        return stored or model

    async def _stored(self) -> Model | None:
        row = await self._pool.fetchrow("SELECT model, dimensions FROM memory.embedding_model")
        return Model(row["model"], row["dimensions"]) if row else None
