"""The order service as a process of the mesh, and the faults it is told to have."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from focal_cli.local import children, keeper, ports, readiness

NAME = "order_service"
PROGRAM = Path(__file__).parents[3] / "examples" / NAME
VARIABLE = "FOCAL_TOOLBOX__VARIABLES__ORDER_SERVICE_URL"


@dataclass(frozen=True)
class Shop:
    """A shop that pays every refund request it gets, repeated keys too: a double send is a second refund."""

    url: str

    @classmethod
    def somewhere(cls) -> Shop:
        """A shop at a free address."""
        return cls(f"http://{ports.LOOPBACK}:{ports.choose()[0]}")

    def environment(self) -> dict[str, dict[str, str]]:
        """What the toolbox must be told to find it."""
        return {"toolbox": {VARIABLE: self.url}}

    def process(self, database: Path) -> keeper.Process:
        """How it is run."""
        port = self.url.rpartition(":")[2]
        argv = [sys.executable, str(PROGRAM), "--port", port, "--db", str(database)]
        command = children.Command(argv, dict(os.environ))
        return keeper.Process(NAME, command, readiness.of_http(f"{self.url}/healthz"))

    async def refunds_take(self, *, before_ms: int = 0, after_ms: int = 0) -> None:
        """Wait so long before a refund is paid, and so long between payment and answer."""
        await self._post(refund_delay_before_ms=before_ms, refund_delay_after_ms=after_ms)

    async def pickups_take(self, *, after_ms: int = 0) -> None:
        """Wait so long between booking a courier, or calling one off, and the answer."""
        await self._post(pickup_delay_after_ms=after_ms, cancel_delay_after_ms=after_ms)

    async def fails_next(self, requests: int, status: int = 503) -> None:
        """Answer the next requests with an error and do nothing."""
        await self._post(fail_next=requests, status=status)

    async def in_flight(self) -> int:
        """Refund requests that have arrived and are not answered yet."""
        async with self._client() as client:
            return int((await client.get("/admin/refunds")).raise_for_status().json()["in_flight"])

    async def _post(self, **changes: int) -> None:
        async with self._client() as client:
            (await client.post("/admin/faults", json=changes)).raise_for_status()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=10, trust_env=False)
