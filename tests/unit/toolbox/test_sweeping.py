import asyncio

from focal_toolbox.core.sweeping import Sweep
from tests.fakes.toolbox.ledger import LedgerRows, MemoryLedger
from tests.fakes.toolbox.meters import CountingMeter
from tests.fakes.toolbox.wishes import to_refund


async def test_a_sweep_counts_what_it_found() -> None:
    rows, meter = LedgerRows(), CountingMeter()
    await MemoryLedger(rows, "tbx_1").reserve(to_refund())
    sweep = Sweep(MemoryLedger(rows, "tbx_2"), meter, 0.001)
    assert await sweep.once() == 0
    rows.alive.discard("tbx_1")
    assert await sweep.once() == 1
    assert meter.orphans == 1


async def test_sweeping_goes_on_although_the_ledger_was_away() -> None:
    rows, meter = LedgerRows(), CountingMeter()
    await MemoryLedger(rows, "tbx_1").reserve(to_refund())
    survivor = MemoryLedger(rows, "tbx_2")
    rows.alive.discard("tbx_1")
    survivor.failing = 3
    task = asyncio.create_task(Sweep(survivor, meter, 0.001).run())
    async with asyncio.timeout(5):
        while not meter.orphans:
            await asyncio.sleep(0.001)
    task.cancel()
