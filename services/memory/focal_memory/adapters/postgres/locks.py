"""Advisory locks that keep writers, erasure and moves of rows out of each other's way.

Writers share; whoever changes the ground under them (erases a group, moves a tenant, changes the
embedding model) takes the same name alone. Names are always taken in sorted order.
"""

from __future__ import annotations

from collections.abc import Iterable

from focal_memory.domain import episode
from focal_service_kit.postgres import Connection

MODEL = "focal memory model"
MAINTENANCE = "focal memory maintenance"


def tenant(name: str) -> str:
    """Held alone while the tenant's rows move."""
    return f"focal memory tenant {name}"


def group(tenant_id: str, session_id: str) -> str:
    """Held alone while the group is erased."""
    return f"focal memory group {episode.group_id(tenant_id, session_id)}"


async def share(connection: Connection, names: Iterable[str]) -> None:
    """Until the transaction ends, nobody holds one of the names alone."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name",
        sorted(set(names)),
    )


async def alone(connection: Connection, name: str) -> None:
    """Until the transaction ends, nobody else holds the name."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
