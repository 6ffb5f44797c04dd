"""Learns of pointers that other replicas moved: by announcement at once, by polling for sure."""

import asyncio
from dataclasses import dataclass

from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.ports import Announcements, Versions
from focal_kernel.errors import FocalError
from focal_service_kit import logging

_log = logging.get("following")


@dataclass(frozen=True)
class Follower:
    """Keeps the known pointers up to date; `poll_s` bounds how late a lost message is noticed."""

    versions: Versions
    announcements: Announcements
    pointers: Pointers
    poll_s: float

    async def poll(self) -> None:
        """Read all pointers again and again; runs until cancelled."""
        while True:
            try:
                self.pointers.load(await self.versions.pointers())
            except Exception as error:  # noqa: BLE001 - whatever fails, the next poll is in seconds
                _log.warning("pointers cannot be read", error=repr(error))
            await asyncio.sleep(self.poll_s)

    async def listen(self) -> None:
        """Read a pointer as soon as another replica announces it; runs until cancelled."""
        async for key in self.announcements.listen():
            try:
                pointer = await self.versions.pointer(key)
            except FocalError as error:
                _log.warning("pointer cannot be read", error=repr(error))
            except Exception as error:  # noqa: BLE001 - polling heals what an announcement missed
                _log.warning("pointer cannot be read", error=repr(error))
            else:
                if pointer is not None:
                    self.pointers.notice(pointer)
