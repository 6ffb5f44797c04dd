"""A package of tools as an author writes it, some of which misbehave.

The toolbox loads it by the setting `internal.packages = ["tests.doubles.tool_functions:shop"]`.
"""

import asyncio
import threading
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

from focal_kernel import tools

shop = tools.Registry()

paid: dict[str, Decimal] = {}
"""Idempotency key to what was paid under it."""
arrived = threading.Event()
let_go = threading.Event()
"""What `hold` waits for."""


@shop.tool("refund")
async def refund(order_id: str, amount: Decimal, context: tools.Context) -> dict[str, object]:
    if order_id == "none":
        raise tools.Refused("order_not_found")
    context.tell("paying", 0.5)
    await asyncio.sleep(0)
    paid[context.idempotency_key] = amount
    return {"refund": {"order": order_id, "amount": amount}, "tenant": context.tenant_id}


@shop.tool("look_up")
def look_up(order_id: str, context: tools.Context) -> dict[str, Any]:
    context.tell("looking", 0.0)
    return {"order": order_id, "thread": threading.current_thread() is not threading.main_thread()}


@shop.tool("closed")
def closed() -> None:
    raise tools.Refused("closed", "the shop is closed", passing=True)


@shop.tool("fail")
async def fail(secret: str) -> None:
    raise RuntimeError(f"no luck with {secret}")


@shop.tool("exit")
def leave() -> None:
    raise SystemExit(3)


@shop.tool("stubborn")
async def stubborn() -> None:
    """Does not let itself be cancelled, for ten seconds."""
    until = time.monotonic() + 10
    while not let_go.is_set() and time.monotonic() < until:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)


@shop.tool("hold")
def hold() -> str:
    arrived.set()
    assert let_go.wait(20)
    return "let go"


@shop.tool("answer")
async def answer(kind: str) -> Any:
    return {"nan": float("nan"), "object": object(), "large": "x" * 100_000, "nothing": None}[kind]
