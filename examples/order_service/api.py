"""The HTTP face of the shop: routes, decoding, error bodies."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from order_service import faults, money
from order_service.errors import BadRequest, ShopError
from order_service.store import Store

Handler = Callable[[Request], Awaitable[Response]]


class Shop:
    """The handlers, with the state of one running service."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plan = faults.FaultPlan()
        self._refunds_in_flight = 0

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/healthz", _health),
                Route("/orders/{number}", self._failing(self._order)),
                Route("/orders/{number}/return-label", self._failing(self._label), methods=["POST"]),
                Route("/orders/{number}/pickup", self._failing(self._book_pickup), methods=["POST"]),
                Route("/pickups/{pickup}", self._failing(self._cancel_pickup), methods=["DELETE"]),
                Route("/orders/{number}/refund", self._failing(self._refund), methods=["POST"]),
                Route("/refunds", self._failing(self._refunds)),
                Route("/refunds/{key}", self._failing(self._refund_of_key)),
                Route("/admin/pickups", self._admin_pickups),
                Route("/admin/refunds", self._admin_refunds),
                Route("/admin/faults", self._admin_faults, methods=["POST"]),
            ],
            exception_handlers={ShopError: _refused, HTTPException: _http_error},
        )

    def _failing(self, handler: Handler) -> Handler:
        """The handler with `fail_next` in front of it."""

        async def guarded(request: Request) -> Response:
            self._plan.before()
            return await handler(request)

        return guarded

    async def _order(self, request: Request) -> Response:
        await faults.pause(_milliseconds(request, "delay_ms", 0))
        return JSONResponse(self._store.order(request.path_params["number"]))

    async def _label(self, request: Request) -> Response:
        return JSONResponse(self._store.label(request.path_params["number"]))

    async def _book_pickup(self, request: Request) -> Response:
        """Books, and answers after `pickup_delay_after_ms`."""
        pickup = self._store.book_pickup(
            request.path_params["number"], request.headers.get("idempotency-key")
        )
        await faults.pause(self._plan.current.pickup_delay_after_ms)
        return JSONResponse(pickup)

    async def _cancel_pickup(self, request: Request) -> Response:
        """Calls off, and answers after `cancel_delay_after_ms`."""
        cancelled = self._store.cancel_pickup(request.path_params["pickup"])
        await faults.pause(self._plan.current.cancel_delay_after_ms)
        return JSONResponse(cancelled)

    async def _refund(self, request: Request) -> Response:
        """Pays between the two delays, whether or not the caller still waits."""
        amount = money.cents((await _body(request)).get("amount"))
        current = self._plan.current
        before = _milliseconds(request, "delay_before_ms", current.refund_delay_before_ms)
        after = _milliseconds(request, "delay_after_ms", current.refund_delay_after_ms)
        self._refunds_in_flight += 1
        try:
            await faults.pause(before)
            key = request.headers.get("idempotency-key")
            refund = self._store.refund(request.path_params["number"], amount, key)
            await faults.pause(after)
        finally:
            self._refunds_in_flight -= 1
        self._plan.after_refund()
        return JSONResponse(refund.as_json())

    async def _refunds(self, request: Request) -> Response:
        """What became of a refund request: GET /refunds?idempotency_key=…"""
        key = request.query_params.get("idempotency_key")
        if not key:
            raise BadRequest("the query parameter idempotency_key is missing")
        return JSONResponse({"refunds": [refund.as_json() for refund in self._store.refunds(key)]})

    async def _refund_of_key(self, request: Request) -> Response:
        """Whether the request with this idempotency key was paid, and what it was answered then."""
        paid = self._store.refunds(request.path_params["key"])
        return JSONResponse({"paid": bool(paid), **(paid[0].as_json() if paid else {})})

    async def _admin_refunds(self, request: Request) -> Response:
        refunds = [refund.as_json() for refund in self._store.refunds()]
        return JSONResponse({"refunds": refunds, "in_flight": self._refunds_in_flight})

    async def _admin_pickups(self, request: Request) -> Response:
        return JSONResponse({"pickups": self._store.pickups()})

    async def _admin_faults(self, request: Request) -> Response:
        self._plan.current = self._plan.current.updated(await _body(request))
        return JSONResponse(vars(self._plan.current))


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body(), parse_float=Decimal)
    except ValueError as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _milliseconds(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) > faults.LONGEST_DELAY_MS:
        raise BadRequest(f"{name} must be a whole number up to {faults.LONGEST_DELAY_MS}")
    return int(text)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ShopError)
    return _error(error.status, error.code, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, "HTTP_ERROR", error.detail)


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
