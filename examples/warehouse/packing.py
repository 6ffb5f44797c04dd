"""The HTTP face of the warehouse, and what happens behind it."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from warehouse.reports import Reports

OUT_OF_STOCK = {"10010"}


class Packing:
    """Packs each order once, however often it is asked with the same key; `packs_in_s` seconds a parcel."""

    def __init__(self, reports: Reports, packs_in_s: float) -> None:
        self._reports = reports
        self._packs_in_s = packs_in_s
        self._packed: dict[str, asyncio.Task[None]] = {}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/healthz", _health),
                Route("/orders/{number}/parcel", self._take_on, methods=["POST"]),
            ]
        )

    async def _take_on(self, request: Request) -> JSONResponse:
        """202: it will be packed, and reported with the token."""
        number, token = request.path_params["number"], request.headers.get("focal-result-token", "")
        if not token:
            return JSONResponse({"error": {"code": "TOKEN_MISSING"}}, 400)
        key = request.headers.get("idempotency-key", token)
        if key not in self._packed:
            self._packed[key] = asyncio.create_task(self._pack(number, token))
        return JSONResponse({"taken_on": number}, 202)

    async def _pack(self, number: str, token: str) -> None:
        await asyncio.sleep(self._packs_in_s)
        if number in OUT_OF_STOCK:
            await self._reports.failed(token, "out_of_stock")
        else:
            await self._reports.done(token, {"parcel": f"P-{number}", "carrier": "Parcel Post"})


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
