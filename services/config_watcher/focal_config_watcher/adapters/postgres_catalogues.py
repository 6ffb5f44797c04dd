"""Catalogues of tools in PostgreSQL."""

import json
from datetime import datetime

import asyncpg

from focal_config_watcher import errors
from focal_config_watcher.adapters import postgres_requests as requests
from focal_config_watcher.domain.catalogue import Change, Entry, Shelf
from focal_config_watcher.domain.command import Request


class PostgresCatalogues:
    """Implements `ports.Catalogues`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def read(self, tenant_id: str) -> Shelf:
        # One statement, so that revision and tools are of one moment.
        rows = await self._pool.fetch(
            """
            SELECT c.revision, t.name, t.definition, t.adopted, t.changed_by, t.changed_at
            FROM config.catalogues c LEFT JOIN config.catalogue_tools t USING (tenant_id)
            WHERE c.tenant_id = $1 ORDER BY t.name
            """,
            tenant_id,
        )
        entries = {row["name"]: _entry(row) for row in rows if row["name"] is not None}
        return Shelf(rows[0]["revision"] if rows else 0, entries)

    async def written(self, tenant_id: str, method: str, request: Request) -> tuple[Entry, ...] | None:
        async with self._pool.acquire() as connection:
            earlier = await requests.stored(connection, tenant_id, method, request)
        return _from_json(earlier) if earlier else None

    async def write(self, change: Change) -> tuple[Entry, ...]:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                return await _write(connection, change)
        except asyncpg.ForeignKeyViolationError:
            if change.removed:
                raise errors.catalogue_tool_in_use(change.removed[0], []) from None
            raise errors.CatalogueMoved from None  # the platform took the tool out meanwhile


async def _write(connection: requests.Connected, change: Change) -> tuple[Entry, ...]:
    scope = change.tenant_id
    if earlier := await requests.begin(connection, scope, change.method, change.request):
        return _from_json(earlier)
    if not await _advance(connection, change):
        raise errors.CatalogueMoved
    stored = tuple([await _put(connection, change, entry) for entry in change.put])
    await connection.execute(
        "DELETE FROM config.catalogue_tools WHERE tenant_id = $1 AND name = ANY($2::text[])",
        *(change.tenant_id, list(change.removed)),
    )
    await requests.finish(connection, scope, change.method, change.request, _to_json(stored))
    return stored


async def _advance(connection: requests.Connected, change: Change) -> bool:
    """Whether the catalogue was still at the change's revision; it is locked and one further then."""
    if change.revision == 0:
        statement = """
            INSERT INTO config.catalogues (tenant_id, revision) VALUES ($1, $2 + 1)
            ON CONFLICT DO NOTHING RETURNING true
            """
    else:
        statement = """
            UPDATE config.catalogues SET revision = revision + 1
            WHERE tenant_id = $1 AND revision = $2 RETURNING true
            """
    return bool(await connection.fetchval(statement, change.tenant_id, change.revision))


async def _put(connection: requests.Connected, change: Change, entry: Entry) -> Entry:
    row = await connection.fetchrow(
        """
        INSERT INTO config.catalogue_tools (tenant_id, name, adopted, definition, changed_by, changed_at)
        VALUES ($1, $2, $3, $4, $5, now())
        ON CONFLICT (tenant_id, name) DO UPDATE SET
            definition = excluded.definition,
            changed_by = excluded.changed_by,
            changed_at = excluded.changed_at
        RETURNING name, definition, adopted, changed_by, changed_at
        """,
        *(change.tenant_id, entry.name, entry.adopted, entry.text, change.changed_by),
    )
    assert row is not None
    return _entry(row)


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(row["name"], row["definition"], row["adopted"], row["changed_by"], row["changed_at"])


def _to_json(entries: tuple[Entry, ...]) -> str:
    return json.dumps(
        [
            {
                "name": entry.name,
                "text": entry.text,
                "adopted": entry.adopted,
                "changed_by": entry.changed_by,
                "changed_at": entry.changed_at.isoformat() if entry.changed_at else "",
            }
            for entry in entries
        ]
    )


def _from_json(text: str) -> tuple[Entry, ...]:
    return tuple(
        Entry(**{**stored, "changed_at": datetime.fromisoformat(stored["changed_at"])})
        for stored in json.loads(text)
    )
