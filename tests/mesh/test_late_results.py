"""The example's warehouse, which takes its time: its report opens a turn of its own, over five processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import turn_pb2
from focal_cli import admin, effect_calls
from tests.fakes.until import until
from tests.mesh.conftest import Desk
from tests.mesh.test_conversation import talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROGRAM = Path(__file__).parents[2] / "examples" / "warehouse"
PACKS_IN_S = 2.0
"""Longer than the mesh of these tests lets a call wait, with a busy machine between."""


@asynccontextmanager
async def _warehouse(desk: Desk) -> AsyncIterator[None]:
    toolbox = desk.mesh.record().targets["toolbox"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), "--port", str(desk.warehouse_port)),
        *("--toolbox", toolbox, "--packs-in-s", str(PACKS_IN_S)),
    )

    async def is_open() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{desk.warehouse_port}/healthz")).is_success
            except httpx.HTTPError:
                return False

    try:
        await until(is_open, "the warehouse is open", timeout_s=15)
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_a_parcel_that_takes_its_time_is_told_of_once_when_it_is_packed(desk: Desk) -> None:
    await admin.publish_to_end(desk.connection, admin.sources(PROGRAM / "agent"))
    async with _warehouse(desk), talk(desk, agent="shipping_desk") as ada:
        begun = await ada.ask("Please send my order 10003.")
        assert begun.text.startswith("The warehouse is packing order 10003.")
        await ada.until(lambda: len(ada.replies) == 2)
        told = ada.replies[-1]
        assert told.text == "Your order 10003 is packed. Parcel Post has it, as parcel P-10003."
        assert (told.turn.cause, list(told.turn.message_ids)) == (turn_pb2.TURN_CAUSE_TOOL_RESULT, [])
        # What comes after it finds the scenario at its end and nothing more to tell.
        thanks = await ada.ask("Thank you!")
        [effect] = await effect_calls.effects(desk.connection, ada.conversation.session_id)
    assert "10003" not in thanks.text
    assert len(ada.replies) == 3
    assert (effect.tool_name, effect.state) == ("pack_order", effect_pb2.EFFECT_STATE_DONE)
