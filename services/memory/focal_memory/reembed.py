"""`python -m focal_memory.reembed`: embed all stored episodes again with the configured model.

For a change of the embedding model. Stop the service first; if the run is cut off, start it again.
Settings are those of the service (`python -m focal_memory --help`).
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack

import focal_embedding
from focal_memory import app
from focal_memory.adapters.postgres.vector_renewal import PostgresVectorRenewal
from focal_memory.core.renew_vectors import RenewVectors
from focal_memory.settings import MemorySettings
from focal_service_kit import config_sources, logging, postgres, service

_log = logging.get("reembed")


async def run(settings: MemorySettings) -> int:
    """The number of episodes embedded."""
    async with AsyncExitStack() as stack:
        embedder = await stack.enter_async_context(focal_embedding.opened(settings.embedding))
        pool = await stack.enter_async_context(postgres.pool(settings.postgres, "memory-reembed"))
        renewal = PostgresVectorRenewal(pool)
        renew = RenewVectors(renewal, app.partitions(settings), embedder, settings.ingest.batch)
        return await renew.run()


def main() -> None:
    """Run once; exit code 2 when the settings are bad."""
    try:
        settings = config_sources.load(MemorySettings, "memory", os.environ)
    except config_sources.ConfigError as error:
        sys.stderr.write("\n".join(error.problems) + "\n")
        sys.exit(service.EXIT_CONFIG)
    logging.configure(settings.logging, "memory")
    _log.info("embedded again", episodes=asyncio.run(run(settings)))


if __name__ == "__main__":
    main()
