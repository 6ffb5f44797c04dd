import asyncio

from focal_service_kit import tasks
from focal_turn_gateway import errors
from focal_turn_gateway.adapters.engines.in_memory import InMemoryEngine
from focal_turn_gateway.ports.engine import Hold
from tests.fakes.until import until


async def test_a_drain_that_fails_is_tried_again() -> None:
    engine, tries = InMemoryEngine(), 0

    async def drain(hold: Hold) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise errors.StoreUnavailable

    running = asyncio.ensure_future(engine.serve(drain))
    engine.wake("acme", "ses_1")
    await until(lambda: tries == 2, "it is tried again")
    await tasks.cancel([running])
