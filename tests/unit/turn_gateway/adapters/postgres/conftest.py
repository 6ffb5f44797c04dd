from collections.abc import AsyncIterator

import asyncpg
import pytest

from focal_service_kit import postgres, settings


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool as the gateway opens it, on tables of this test's own."""
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as opened:
        yield opened
