"""One upgrade to the newest revision, safe when many replicas start at once."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import asyncpg
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from focal_kernel import ids
from focal_service_kit.migrations import functions

_ENVIRONMENT = Path(__file__).parent


async def upgrade(package: str, url: str) -> None:
    """Apply what is missing of the revisions in `package`, then its functions, all or nothing.

    Replicas queue on an advisory lock of the transaction; the later ones find nothing to do.
    """
    module = importlib.import_module(package)
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
