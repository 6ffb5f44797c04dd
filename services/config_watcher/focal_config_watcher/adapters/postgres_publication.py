"""Writes versions and moves pointers, inside the caller's transaction and under the agent's lock."""

import json
from datetime import datetime

import asyncpg

from focal_config_watcher import errors
from focal_config_watcher.adapters import postgres_requests as requests
from focal_config_watcher.adapters.postgres_requests import Connected
from focal_config_watcher.domain import version as versions
from focal_config_watcher.domain.command import Move, Publication, Settled
from focal_config_watcher.domain.version import AgentKey, Compiled, Pointer

POINTER = """
    SELECT a.tenant_id, a.agent_id, a.current_version, v.content_hash, a.moved_at, a.moves
    FROM config.agents a JOIN config.versions v
      ON (v.tenant_id, v.agent_id, v.version) = (a.tenant_id, a.agent_id, a.current_version)
"""
_PUBLISH, _ROLL_BACK = "Publish", "Rollback"


def pointer(row: asyncpg.Record) -> Pointer:
    """A row of `POINTER`."""
    return Pointer(
        AgentKey(row["tenant_id"], row["agent_id"]),
        row["current_version"],
        row["content_hash"],
        row["moved_at"],
        row["moves"],
    )


async def settled(connection: Connected, publication: Publication) -> Settled | None:
    """See `ports.Versions.settled`."""
    tenant_id = publication.key.tenant_id
    if earlier := await requests.stored(connection, tenant_id, _PUBLISH, publication.request):
        return _settled_from_json(publication.key, earlier)
    if await _current_hash(connection, publication.key) != publication.definition_hash:
        return None
    return await _keep(connection, publication)


async def publish(connection: Connected, publication: Publication, compiled: Compiled) -> Settled:
    """See `ports.Versions.publish`."""
    key, request = publication.key, publication.request
    if earlier := await requests.begin(connection, key.tenant_id, _PUBLISH, request):
        return _settled_from_json(key, earlier)
    await _lock(connection, key)
    if await _current_hash(connection, key) == publication.definition_hash:
        return await _keep(connection, publication)
    version = await connection.fetchval(
        """
        UPDATE config.agents SET last_version = last_version + 1
        WHERE tenant_id = $1 AND agent_id = $2 RETURNING last_version
        """,
        *(key.tenant_id, key.agent_id),
    )
    await _insert_version(connection, publication, compiled, version)
    await _insert_contents(connection, publication, compiled, version)
    moved = await _point(connection, key, version, publication.published_by, publication.note)
    result = Settled(moved, unchanged=False)
    await requests.finish(connection, key.tenant_id, _PUBLISH, request, _to_json(result))
    return result


async def move(connection: Connected, order: Move) -> Pointer:
    """See `ports.Versions.move`."""
    key = order.key
    if earlier := await requests.begin(connection, key.tenant_id, _ROLL_BACK, order.request):
        return _settled_from_json(key, earlier).pointer
    current = await connection.fetchrow(
        f"{POINTER} WHERE a.tenant_id = $1 AND a.agent_id = $2 FOR UPDATE OF a",
        *(key.tenant_id, key.agent_id),
    )
    if current is None:
        raise errors.agent_not_found(key.agent_id)
    if not await _exists(connection, key, order.target_version):
        raise errors.version_not_found(key.agent_id, order.target_version)
    moved = pointer(current)
    if moved.version != order.target_version:
        moved = await _point(connection, key, order.target_version, order.moved_by, order.reason)
    response = _to_json(Settled(moved, unchanged=False))
    await requests.finish(connection, key.tenant_id, _ROLL_BACK, order.request, response)
    return moved


async def _lock(connection: Connected, key: AgentKey) -> None:
    """Hold the agent's row, a new one if need be, until the transaction ends."""
    try:
        await connection.execute(
            "INSERT INTO config.agents (tenant_id, agent_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            *(key.tenant_id, key.agent_id),
        )
    except asyncpg.ForeignKeyViolationError:
        raise errors.tenant_not_found(key.tenant_id) from None
    await connection.execute(
        "SELECT FROM config.agents WHERE tenant_id = $1 AND agent_id = $2 FOR UPDATE",
        *(key.tenant_id, key.agent_id),
    )


async def _current_hash(connection: Connected, key: AgentKey) -> str | None:
    """Definition hash of the current version."""
    found: str | None = await connection.fetchval(
        """
        SELECT v.definition_hash FROM config.agents a JOIN config.versions v
          ON (v.tenant_id, v.agent_id, v.version) = (a.tenant_id, a.agent_id, a.current_version)
        WHERE a.tenant_id = $1 AND a.agent_id = $2
        """,
        *(key.tenant_id, key.agent_id),
    )
    return found


async def _keep(connection: Connected, publication: Publication) -> Settled:
    """The current version stays; the request is remembered all the same."""
    key = publication.key
    row = await connection.fetchrow(
        f"{POINTER} WHERE a.tenant_id = $1 AND a.agent_id = $2", *(key.tenant_id, key.agent_id)
    )
    assert row is not None
    result = Settled(pointer(row), unchanged=True)
    await requests.finish(connection, key.tenant_id, _PUBLISH, publication.request, _to_json(result))
    return result


async def _insert_version(
    connection: Connected, publication: Publication, compiled: Compiled, version: int
) -> None:
    await connection.execute(
        """
        INSERT INTO config.versions (tenant_id, agent_id, version, content_hash, definition_hash,
            embedding_model, embedding_dimensions, note, published_by, published_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())
        """,
        *(publication.key.tenant_id, publication.key.agent_id, version),
        *(compiled.content_hash(), compiled.definition_hash),
        *(compiled.embedding_model, compiled.embedding_dimensions),
        *(publication.note, publication.published_by),
    )


async def _insert_contents(
    connection: Connected, publication: Publication, compiled: Compiled, version: int
) -> None:
    here = (publication.key.tenant_id, publication.key.agent_id, version)
    await connection.executemany(
        "INSERT INTO config.sources (tenant_id, agent_id, version, path, content)"
        " VALUES ($1, $2, $3, $4, $5)",
        [(*here, file.path, file.content) for file in publication.files],
    )
    await connection.executemany(
        "INSERT INTO config.parts (tenant_id, agent_id, version, ordinal, name, size, sha256,"
        " content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (*here, ordinal, part.name, part.size, part.sha256, compiled.parts[part.name])
            for ordinal, part in enumerate(versions.describe(compiled.parts))
        ],
    )


async def _exists(connection: Connected, key: AgentKey, version: int) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT true FROM config.versions WHERE tenant_id = $1 AND agent_id = $2 AND version = $3",
            *(key.tenant_id, key.agent_id, version),
        )
    )


async def _point(connection: Connected, key: AgentKey, version: int, moved_by: str, reason: str) -> Pointer:
    """Move the pointer and note who did it; the agent's row is locked."""
    await connection.execute(
        """
        WITH moved AS (
            UPDATE config.agents SET current_version = $3, moves = moves + 1, moved_at = now()
            WHERE tenant_id = $1 AND agent_id = $2 RETURNING moves, moved_at
        )
        INSERT INTO config.pointer_moves
            (tenant_id, agent_id, moves, version, moved_by, moved_at, reason)
        SELECT $1, $2, moves, $3, $4, moved_at, $5 FROM moved
        """,
        *(key.tenant_id, key.agent_id, version, moved_by, reason),
    )
    row = await connection.fetchrow(
        f"{POINTER} WHERE a.tenant_id = $1 AND a.agent_id = $2", *(key.tenant_id, key.agent_id)
    )
    assert row is not None
    return pointer(row)


def _to_json(result: Settled) -> str:
    return json.dumps(
        {
            "version": result.pointer.version,
            "content_hash": result.pointer.content_hash,
            "updated_at": result.pointer.updated_at.isoformat(),
            "moves": result.pointer.moves,
            "unchanged": result.unchanged,
        }
    )


def _settled_from_json(key: AgentKey, text: str) -> Settled:
    stored = json.loads(text)
    found = Pointer(
        key,
        stored["version"],
        stored["content_hash"],
        datetime.fromisoformat(stored["updated_at"]),
        stored["moves"],
    )
    return Settled(found, stored["unchanged"])
