"""Failures of the driver as errors of ours."""

from __future__ import annotations

import asyncpg
import pytest

from focal_service_kit import postgres


@pytest.mark.parametrize(
    "raised",
    [
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
        ConnectionResetError(),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_a_lost_connection_may_be_tried_again_however_it_shows(raised: Exception) -> None:
    error = postgres.translate(raised)
    assert error is not None
    assert error.reason == "DEPENDENCY_UNAVAILABLE"


def test_a_violated_constraint_is_no_lost_connection() -> None:
    assert postgres.translate(asyncpg.UniqueViolationError("duplicate key")) is None
