"""One upgrade to the newest revision, safe when many replicas start at once."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import asyncpg
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from focal_kernel import ids
from focal_service_kit.migrations import current, functions

_ENVIRONMENT = Path(__file__).parent


async def apply(module: ModuleType, url: str) -> None:
    """Run alembic on the package's revisions, then renew its functions."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, module)
    finally:
        await engine.dispose()


def _upgrade(connection: sqlalchemy.Connection, module: ModuleType) -> None:
    schema = ids.check_id(module.SCHEMA, "SCHEMA")
    connection.execute(
        sqlalchemy.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"focal migrations of {schema}"},
    )
    connection.execute(sqlalchemy.text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("version_locations", str(Path(module.__path__[0])))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, schema=schema)
    command.upgrade(config, "head")
    functions.renew(connection, schema, Path(module.__path__[0]) / "functions")
    _note_files(connection, schema, current.files_digest(module))


def _note_files(connection: sqlalchemy.Connection, schema: str, digest: str) -> None:
    register = f'"{schema}".{current.TABLE}'
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {register}"
        " (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), digest text NOT NULL)"
    )
    connection.exec_driver_sql(
        f"INSERT INTO {register} (digest) VALUES ($1)"  # noqa: S608
        " ON CONFLICT (singleton) DO UPDATE SET digest = excluded.digest",
        (digest,),
    )
