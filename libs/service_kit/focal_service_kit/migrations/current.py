"""Whether a schema is up to date, found without alembic: its import takes longer than all else of a start."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import asyncpg

from focal_kernel import ids

TABLE = "schema_files"
"""One row with the digest of the files that brought the schema to where it is."""


async def upgrade(package: str, url: str) -> None:
    """Apply what is missing of the revisions in `package`, then its functions, all or nothing.

    Replicas queue on an advisory lock of the transaction; the later ones find nothing to do.
    """
    module = importlib.import_module(package)
    if await _made_by(module, url) == files_digest(module):
        return
    from focal_service_kit.migrations.upgrading import apply

    await apply(module, url)


def files_digest(module: ModuleType) -> str:
    """A digest of all revisions and functions of a migrations package."""
    folder = Path(module.__path__[0])
    files = sorted([*folder.glob("*.py"), *folder.glob("functions/*.sql")])
    return ids.digest(*(text for file in files for text in (file.name, file.read_text())))


async def _made_by(module: ModuleType, url: str) -> str:
    """The digest that the schema's last upgrade left; empty before the first one."""
    schema = ids.check_id(module.SCHEMA, "SCHEMA")
    connection = await asyncpg.connect(url)
    try:
        digest = await connection.fetchval(f'SELECT digest FROM "{schema}".{TABLE}')  # noqa: S608
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return ""
    finally:
        await connection.close()
    return digest or ""
