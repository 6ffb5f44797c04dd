"""Driver exceptions as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from focal_kernel import errors as kernel_errors
from focal_service_kit import postgres
from focal_turn_gateway import errors

_ATTEMPT_LOST = "FC001"
_REQUEST_ID_REUSED = "FC003"


@contextmanager
def translated() -> Iterator[None]:
    """Raise StoreUnavailable for a server that is away, AttemptLost for an attempt that is not the latest,
    RequestIdReused for a request id that came with other content.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _ATTEMPT_LOST:
            raise errors.AttemptLost from error
        if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _REQUEST_ID_REUSED:
            raise errors.RequestIdReused from error
        if is_away(error):
            raise errors.StoreUnavailable from error
        raise


def is_away(error: Exception) -> bool:
    """Whether an exception of the driver or the pool means that the server does not answer."""
    return isinstance(error, OSError | kernel_errors.Unavailable) or postgres.translate(error) is not None
