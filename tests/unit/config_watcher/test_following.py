"""Learning of pointers that other replicas moved."""

import asyncio
from contextlib import suppress

from focal_config_watcher.core.following import Follower
from focal_config_watcher.core.watching import Pointers
from focal_config_watcher.domain.version import AgentKey, Pointer
from tests.fakes.config_watcher import NOW, FakeAnnouncements, FakeVersions
from tests.fakes.until import until

DESK = AgentKey("acme", "desk")
POINTER = Pointer(DESK, 1, "hash", NOW, 1)


class Known(Pointers):
    """Counts what is noticed."""

    def __init__(self) -> None:
        super().__init__()
        self.noticed: list[Pointer] = []

    def notice(self, pointer: Pointer) -> None:
        self.noticed.append(pointer)
        super().notice(pointer)


class BrokenOnce(FakeVersions):
    """Fails at the first question, as a restarting database does."""

    failed = False

    async def pointer(self, key: AgentKey) -> Pointer | None:
        self._fail_once()
        return await super().pointer(key)

    async def pointers(self) -> list[Pointer]:
        self._fail_once()
        return await super().pointers()

    def _fail_once(self) -> None:
        if not self.failed:
            self.failed = True
            raise ConnectionError("restarting")


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_polling_finds_what_nobody_announced_and_survives_an_outage() -> None:
    versions, pointers = BrokenOnce(current_pointers={DESK: POINTER}), Known()
    follower = Follower(versions, FakeAnnouncements(), pointers, poll_s=0.01)
    task = asyncio.create_task(follower.poll())
    await until(lambda: POINTER in pointers.noticed, "the pointer is polled")
    assert versions.failed
    await ended(task)


async def test_an_announcement_is_looked_up_at_once_and_one_failure_does_not_end_listening() -> None:
    versions, pointers = BrokenOnce(current_pointers={DESK: POINTER}), Known()
    announcements = FakeAnnouncements()
    follower = Follower(versions, announcements, pointers, poll_s=60)
    task = asyncio.create_task(follower.listen())
    for _ in range(2):
        announcements.queue.put_nowait(DESK)
    announcements.queue.put_nowait(AgentKey("acme", "never published"))
    await until(lambda: pointers.noticed == [POINTER], "the second announcement is looked up")
    await until(announcements.queue.empty, "all announcements are taken")
    assert not task.done()
    await ended(task)
