"""What a database that cannot be reached looks like from the core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from focal_service_kit import postgres
from focal_toolbox import errors


@contextmanager
def away() -> Iterator[None]:
    """Lost connections and exceeded limits as Unavailable; everything else is a bug and stays one."""
    try:
        yield
    except Exception as raised:
        error = postgres.translate(raised)
        if error is None and isinstance(raised, OSError):
            error = errors.LedgerAway()
        if error is None:
            raise
        raise error from raised
