"""The shop behind the returns desk: how to start it, and what it says it has paid."""

import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from focal_cli.demo import example
from focal_cli.local import children, keeper, ports, readiness

NAME = example.SHOP
VARIABLE = "FOCAL_TOOLBOX__VARIABLES__ORDER_SERVICE_URL"
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Shop:
    """A shop at an address."""

    url: str

    def process(self, program: Path, database: Path) -> keeper.Process:
        """The process to run at this address; its orders and refunds stay in the SQLite file."""
        port = self.url.rpartition(":")[2]
        argv = [sys.executable, str(program), "--port", port, "--db", str(database)]
        command = children.Command(argv, dict(os.environ))
        return keeper.Process(NAME, command, readiness.of_http(f"{self.url}/healthz"))

    def environment(self) -> dict[str, dict[str, str]]:
        """What the toolbox must be told to find it, as ``mesh.Options.env``."""
        return {"toolbox": {VARIABLE: self.url}}

    async def is_open(self) -> bool:
        """Whether it answers."""
        async with self._client() as client:
            try:
                return (await client.get("/healthz")).is_success
            except httpx.HTTPError:
                return False

    async def refunds(self, order: str) -> int:
        """How many refunds it has paid for an order."""
        async with self._client() as client:
            answer = (await client.get("/admin/refunds")).raise_for_status().json()
        return Counter(refund["order"] for refund in answer["refunds"])[order]

    @asynccontextmanager
    async def paying_slowly(self, delay_ms: int) -> AsyncIterator[None]:
        """While inside, it takes this long before it pays, in ms."""
        await self._delay(delay_ms)
        try:
            yield
        finally:
            await self._delay(0)

    async def _delay(self, delay_ms: int) -> None:
        async with self._client() as client:
            faults = {"refund_delay_before_ms": delay_ms}
            (await client.post("/admin/faults", json=faults)).raise_for_status()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT_S, trust_env=False)


def choose() -> Shop:
    """A shop at an address that is free now."""
    return Shop(f"http://{ports.LOOPBACK}:{ports.choose()[0]}")
