"""Run a command's coroutine so that Ctrl-C and SIGTERM end it in order."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def until_signal(work: Coroutine[None, None, None]) -> None:
    """Run to the end, or until a signal; a signal is the usual way to leave and no error."""
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_cancelled_by_signals(work))


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


async def _cancelled_by_signals(work: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def end() -> None:
        # Once: another cancellation would cut off the cleaning up, which is bounded anyway.
        for number in ENDING:
            loop.add_signal_handler(number, lambda: None)
        task.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, end)
    await task
