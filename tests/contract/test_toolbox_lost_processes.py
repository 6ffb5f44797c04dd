"""A toolbox that is killed or frozen in the middle of an effect, watched by a second one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from tests.doubles import tool_provider
from tests.fakes import in_process, running_toolbox, toolbox_process
from tests.fakes.running_toolbox import RunningToolbox, Turn
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

ORDER = {"order_id": "10003"}
LEASE = {"lease_s": 1, "send_within_s": 0.9}
SHORT = {"lease_s": 0.5, "send_within_s": 0.4}
"""For those who freeze: nothing is lost when they are taken for dead a little early."""
PREPARED, DONE, FAILED, IN_DOUBT = (
    effect_pb2.EFFECT_STATE_PREPARED,
    effect_pb2.EFFECT_STATE_DONE,
    effect_pb2.EFFECT_STATE_FAILED,
    effect_pb2.EFFECT_STATE_IN_DOUBT,
)


@dataclass
class Scene:
    """`doomed` is a process of its own that carries out `calls`, which `provider` holds up until `release`;
    `survivor` is a second toolbox on the same ledger."""

    provider: tool_provider.ToolProvider
    release: asyncio.Event
    doomed: toolbox_process.ToolboxProcess
    survivor: RunningToolbox
    calls: list[asyncio.Task[Any]]

    @property
    def call(self) -> asyncio.Task[Any]:
        [only] = self.calls
        return only

    async def state_becomes(self, state: int, within_s: float = 10) -> effect_pb2.Effect:
        async with asyncio.timeout(within_s):
            while True:
                effects = await self.survivor.effects()
                if effects and effects[-1].state == state:
                    return effects[-1]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _in_the_middle_of(
    tools: str,
    database: str,
    folder: Path,
    sweep_s: float = 0.1,
    lease: dict[str, float] = LEASE,
    **settings: Any,
) -> AsyncIterator[Scene]:
    deployment = in_process.Deployment()
    instance = {"heartbeat_s": 0.1, "sweep_s": sweep_s, **lease}
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(
            database, provider.url, deployment=deployment, instance=instance, **settings
        ) as survivor,
        toolbox_process.started(
            folder,
            deployment=deployment,
            database=database,
            config_watcher=survivor.watcher,
            provider_url=provider.url,
        ) as doomed,
    ):
        release = asyncio.Event()
        names = tools.split()
        provider.behave(*[tool_provider.answer(after=release)] * len(names), tool_provider.answer())
        there = replace(survivor, running=replace(survivor.running, target=doomed.target))
        calls = [asyncio.create_task(there.execute(name, ORDER)) for name in names]
        await until(lambda: len(provider.received) == len(names), "the provider has the requests", 10)
        try:
            yield Scene(provider, release, doomed, survivor, calls)
        finally:
            await asyncio.gather(*calls, return_exceptions=True)


async def test_effects_of_a_killed_toolbox_are_in_doubt_and_only_the_idempotent_one_is_sent_again(
    database: str, tmp_path: Path
) -> None:
    """Break: let `is_alive` answer true, and the repeat waits for a process that is gone; treat an orphan
    as FAILED in `reserve`, and it is sent twice.
    """
    async with _in_the_middle_of("refund reserve label", database, tmp_path) as scene:
        scene.doomed.kill()
        await scene.doomed.process.wait()
        for tool in ("refund", "reserve"):
            repeated = await scene.survivor.execute(tool, ORDER)
            assert (repeated.status, repeated.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "toolbox_lost")
            assert repeated.commit_point_reached == (tool == "refund")
            elsewhere = await scene.survivor.execute(tool, ORDER, Turn("ses_2", "trn_2", "grp_2"))
            assert elsewhere.error_reason == "EFFECT_IN_DOUBT"
        assert len(scene.provider.received) == 3
        repeated = await scene.survivor.execute("label", ORDER)
        assert repeated.status == tool_pb2.TOOL_STATUS_SUCCESS
        first, second = [one for one in scene.provider.received if one.target.startswith("/label/")]
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        for call in scene.calls:
            with pytest.raises(grpc.aio.AioRpcError):
                await call


async def test_a_sweep_finds_the_effect_of_a_killed_toolbox(database: str, tmp_path: Path) -> None:
    """Break: take the sweep out of `app.build`."""
    async with _in_the_middle_of("refund", database, tmp_path) as scene:
        assert (await scene.survivor.effects())[0].state == PREPARED
        scene.doomed.kill()
        effect = await scene.state_becomes(IN_DOUBT)
        assert effect.error_reason == "toolbox_lost"
        assert scene.survivor.metric("tool_effect_orphaned_total") == 1


async def test_a_fence_reports_the_effect_of_a_killed_toolbox_as_doubtful(
    database: str, tmp_path: Path
) -> None:
    """Break: leave the UPDATE out of `fence_session`; no sweep helps here."""
    async with _in_the_middle_of("refund", database, tmp_path, sweep_s=600) as scene:
        scene.doomed.kill()
        await scene.doomed.process.wait()
        async with asyncio.timeout(5):  # PostgreSQL needs a moment to see that the connection is gone
            state = PREPARED
            while state == PREPARED:
                (effect,) = (await scene.survivor.fence(Turn(epoch=2))).effects
                state = effect.state
        assert (state, effect.error_reason) == (IN_DOUBT, "toolbox_lost")


async def test_a_living_toolbox_keeps_its_effect_beyond_the_lease(database: str, tmp_path: Path) -> None:
    """Break: stop the heartbeats after the first one."""
    async with _in_the_middle_of("refund", database, tmp_path) as scene:
        waiting = asyncio.create_task(scene.survivor.execute("refund", ORDER))
        await asyncio.sleep(1.5 * LEASE["lease_s"])
        assert (await scene.survivor.effects())[0].state == PREPARED
        scene.release.set()
        assert (await scene.call).status == tool_pb2.TOOL_STATUS_SUCCESS
        assert (await waiting).status == tool_pb2.TOOL_STATUS_CACHED
        assert len(scene.provider.received) == 1


async def test_a_thawed_toolbox_records_what_its_request_came_to(database: str, tmp_path: Path) -> None:
    """Frozen beyond the lease its effect is in doubt; thawed it knows the answer, and says so.

    Break: accept only PREPARED in the ledger's `_CONCLUDE`, and the doubt stays for ever.
    """
    async with _in_the_middle_of("refund", database, tmp_path, lease=SHORT) as scene:
        scene.doomed.freeze()
        try:
            await scene.state_becomes(IN_DOUBT)
            repeated = await scene.survivor.execute("refund", ORDER)
            assert repeated.status == tool_pb2.TOOL_STATUS_IN_DOUBT
            scene.release.set()
        finally:
            scene.doomed.thaw()
        effect = await scene.state_becomes(DONE)
        assert effect.result_json == '{"ok":true}'
        assert effect.error_reason == ""
        assert len(scene.provider.received) == 1
        cached = await scene.survivor.execute("refund", ORDER)
        assert cached.status == tool_pb2.TOOL_STATUS_CACHED


async def test_three_seconds_of_silence_and_no_less_are_a_loss(database: str, tmp_path: Path) -> None:
    """Break: change the default of `lease_s`."""
    async with _in_the_middle_of("refund", database, tmp_path, lease={}) as scene:
        silent_since = time.monotonic()
        scene.doomed.freeze()
        try:
            effect = await scene.state_becomes(IN_DOUBT)
            assert 2.5 < time.monotonic() - silent_since < 6
            assert effect.error_reason == "toolbox_lost"
        finally:
            scene.doomed.thaw()
            scene.release.set()


async def test_a_no_is_not_believed_while_the_one_who_may_go_on_is_frozen(
    database: str, tmp_path: Path
) -> None:
    """Break: leave `is_frozen` out of `effects.resolve`, and the order is free before its request is sent."""
    async with _in_the_middle_of("pay_out", database, tmp_path, lease=SHORT, check={"after_s": 0}) as scene:
        scene.doomed.freeze()
        try:
            effect = await scene.state_becomes(IN_DOUBT)
            scene.provider.behave(tool_provider.answer(body='{"paid_out":false}'))
            checked = await scene.survivor.check(effect.effect_id)
            assert (checked.finding, checked.effect.state) == (pb.CHECK_FINDING_ABSENT, IN_DOUBT)
            scene.doomed.kill()
            await scene.doomed.process.wait()
        finally:
            scene.release.set()

        async def believed() -> bool:  # PostgreSQL needs a moment to see that the connection is gone
            return (await scene.survivor.check(effect.effect_id)).effect.state == FAILED

        await until(believed, "the no of a provider whose caller is dead")


async def test_a_thawed_toolbox_comes_too_late_after_a_persons_word(database: str, tmp_path: Path) -> None:
    """Break: leave the state out of the WHERE in `conclude`."""
    async with _in_the_middle_of("refund", database, tmp_path, lease=SHORT) as scene:
        scene.doomed.freeze()
        try:
            effect = await scene.state_becomes(IN_DOUBT)
            await scene.survivor.resolve(effect.effect_id, DONE, result_json='{"by":"hand"}')
            scene.release.set()
        finally:
            scene.doomed.thaw()
        late = await scene.call
        assert (late.status, late.result_json) == (tool_pb2.TOOL_STATUS_SUCCESS, '{"by":"hand"}')
        assert (await scene.survivor.effects())[0].resolution.resolved_by == "ada"
