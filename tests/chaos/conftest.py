"""What the crash tests share: one mesh, how a test talks about its crash, the table of recovery times."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.harness import rig as rigs
from tests.chaos.harness.rig import Rig
from tests.chaos.harness.scenes import Crash

_RECOVERY_S: dict[str, float] = {}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One mesh for all; verdicts are about the customers of one test."""
    async with rigs.running(tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def rig(mesh: Rig) -> AsyncIterator[Rig]:
    """The mesh with everything up."""
    await mesh.all_ready()
    yield mesh
    await mesh.shop.refunds_take()


@pytest.fixture(scope="session")
def recovery_s() -> dict[str, float]:
    """Seconds until the customer had the answer, by crash."""
    return _RECOVERY_S


@pytest.fixture
def crash(rig: Rig, request: pytest.FixtureRequest, recovery_s: dict[str, float]) -> Crash:
    """The crash that the test is about, named after it."""
    return Crash(rig, request.node.name.removeprefix("test_").replace("_", " "), recovery_s)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How long each crash was felt."""
    if _RECOVERY_S:
        terminalreporter.section("seconds from the crash to the answer")
        for crash, seconds in _RECOVERY_S.items():
            terminalreporter.write_line(f"{seconds:6.2f}  {crash}")
