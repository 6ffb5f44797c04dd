"""Forgets a group."""

from __future__ import annotations

from collections.abc import Mapping

from focal_kernel import ids
from focal_memory.ports import EpisodeStore
from focal_service_kit import logging

_log = logging.get("forget")


class Forget:
    """Erases everything kept for a session; repeating it is harmless."""

    def __init__(self, store: EpisodeStore) -> None:
        self._store = store

    async def group(self, tenant: str, session_id: str) -> Mapping[str, int]:
        """Rows erased by kind. InvalidArgument INVALID_ID for something that is no session id."""
        ids.check_id(session_id, "session_id")
        erased = await self._store.forget(tenant, session_id)
        _log.info("group forgotten", tenant=tenant, session=session_id, **erased)
        return erased
