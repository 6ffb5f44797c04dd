"""Driver exceptions as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from focal_kernel import errors as kernel_errors
from focal_service_kit import postgres
from focal_turn_gateway import errors

_ATTEMPT_LOST = "FC001"


@contextmanager
def translated() -> Iterator[None]:
    """Raise StoreUnavailable for a server that is away, AttemptLost for an attempt that is not the latest."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate == _ATTEMPT_LOST:
            raise errors.AttemptLost from error
        _unavailable(error)
        raise
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, kernel_errors.Unavailable) as error:
        _unavailable(error)
        raise


def _unavailable(error: BaseException) -> None:
    if isinstance(error, OSError | kernel_errors.Unavailable) or postgres.translate(error) is not None:
        raise errors.StoreUnavailable from error
