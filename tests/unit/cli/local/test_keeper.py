import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from focal_cli.local import children, errors, keeper, supervisor

QUICK = keeper.Policy(first_delay_s=0.01, max_delay_s=0.05, give_up_after=3)
TIMEOUT_S = 10


def process(name: str, code: str, **options: object) -> keeper.Process:
    async def always(_: children.Child) -> bool:
        return True

    command = children.Command([sys.executable, "-c", code])
    settings = {"is_ready": always} | options
    return keeper.Process(name, command, **settings)  # type: ignore[arg-type]


def when(condition: Callable[[], bool]) -> Callable[[children.Child], object]:
    async def probe(_: children.Child) -> bool:
        return condition()

    return probe


@asynccontextmanager
async def supervised(
    folder: Path, *processes: keeper.Process, policy: keeper.Policy = QUICK
) -> AsyncIterator[supervisor.Supervisor]:
    running = supervisor.Supervisor(processes, folder, policy)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield running
    finally:
        await running.stop()


SLEEP = "import time; time.sleep(60)"


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, process("one", SLEEP)) as running:
        await running.start()
        pid = running.status("one").pid
        assert pid is not None
        running.send("one", signal.SIGKILL)
        await running.until_replaced("one", pid)
        assert running.status("one").restarts == 1


async def test_a_process_waits_for_what_it_needs(tmp_path: Path) -> None:
    witness = tmp_path / "server is ready"
    server = process("server", SLEEP, is_ready=when(witness.exists))
    user = process("user", SLEEP, after=("server",))
    async with supervised(tmp_path, server, user) as running:
        starting = asyncio.create_task(running.start())
        await running.until("server", keeper.Phase.STARTING)
        assert running.status("user").phase is keeper.Phase.WAITING
        witness.touch()
        await starting
        assert running.status("user").phase is keeper.Phase.READY


async def test_a_process_that_never_gets_ready_is_given_up_with_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    broken = process("broken", "raise SystemExit('no such key')", is_ready=when(lambda: False))
    async with supervised(tmp_path, broken) as running:
        with pytest.raises(errors.StartFailed, match="no such key"):
            await running.start()
        assert running.status("broken").restarts == QUICK.give_up_after - 1


async def test_a_process_that_hangs_before_it_is_ready_is_killed_and_given_up(
    tmp_path: Path,
) -> None:
    hanging = process("hanging", SLEEP, is_ready=when(lambda: False), start_timeout_s=0.05)
    async with supervised(tmp_path, hanging) as running:
        with pytest.raises(errors.StartFailed, match="not ready within"):
            await running.start()


async def test_without_restart_a_killed_process_stays_down_until_it_is_started(
    tmp_path: Path,
) -> None:
    policy = keeper.Policy(auto_restart=False)
    async with supervised(tmp_path, process("one", SLEEP), policy=policy) as running:
        await running.start()
        running.send("one", signal.SIGKILL)
        await running.until("one", keeper.Phase.STOPPED)
        assert "SIGKILL" in running.status("one").detail
        await running.start_one("one")
        assert running.status("one").phase is keeper.Phase.READY


async def test_a_stopped_process_is_not_restarted(tmp_path: Path) -> None:
    async with supervised(tmp_path, process("one", SLEEP)) as running:
        await running.start()
        await running.stop_one("one")
        assert running.status("one").phase is keeper.Phase.STOPPED
        assert running.status("one").pid is None


async def test_what_others_need_leaves_last(tmp_path: Path) -> None:
    left: list[str] = []

    def note(status: keeper.Status) -> None:
        if status.phase is keeper.Phase.STOPPED:
            left.append(status.name)

    processes = [process("server", SLEEP), process("user", SLEEP, after=("server",))]
    running = supervisor.Supervisor(processes, tmp_path, QUICK, note)
    await asyncio.wait_for(running.start(), TIMEOUT_S)
    await running.stop()
    assert left == ["user", "server"]


def test_the_delay_doubles_up_to_its_maximum() -> None:
    policy = keeper.Policy(first_delay_s=0.2, max_delay_s=1)
    assert [policy.delay_s(crashes) for crashes in (1, 2, 3, 4, 9)] == [0.2, 0.4, 0.8, 1, 1]


async def test_a_process_with_bad_settings_is_given_up_at_once(tmp_path: Path) -> None:
    broken = process("broken", "import sys; sys.exit(2)", is_ready=when(lambda: False))
    async with supervised(tmp_path, broken) as running:
        with pytest.raises(errors.StartFailed):
            await running.start()
        assert running.status("broken").restarts == 0
