"""Parts of replies to a URL, one part a request, signed as webhooks are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.checked_http import UNREACHABLE, CheckedHttp
from focal_turn_gateway.codecs import outgoing
from focal_turn_gateway.domain import callbacks, webhooks
from focal_turn_gateway.domain.callbacks import Callback
from focal_turn_gateway.domain.deliveries import Attempted
from focal_turn_gateway.ports.delivery import ClaimedRow

_LONGEST_REASON = 200


class HttpCallback:
    """`ports.KeylessDestination`. `timeout_s` bounds a whole request in seconds."""

    def __init__(self, http: CheckedHttp, callback: Callback, *, timeout_s: float) -> None:
        self._http = http
        self._callback = callback
        self._timeout_s = timeout_s

    async def send(self, row: ClaimedRow, begin: Callable[[], Awaitable[None]]) -> Attempted:
        """Post a part once. Its headers alone decide: whoever says 2xx has it, whatever cuts the rest."""
        wire = _Wire(begin)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(row, wire)
        except TimeoutError:
            return callbacks.broken(f"no answer within {self._timeout_s:g} s", sent=wire.sent)
        except errors.InvalidField as refusal:
            return callbacks.broken(refusal.message[:_LONGEST_REASON], sent=False)
        except UNREACHABLE as error:
            what = "the connection broke" if wire.sent else "the receiver cannot be reached"
            return callbacks.broken(f"{what} ({type(error).__name__})", sent=wire.sent)

    async def _post(self, row: ClaimedRow, wire: _Wire) -> Attempted:
        body = outgoing.envelope_json(row).encode()
        known = outgoing.headers(row)
        headers = {
            "User-Agent": "focal-callbacks/1",
            "X-Focal-Delivery": row.dedupe_key,
            "X-Focal-Tenant": row.tenant_id,
            "X-Focal-Signature": webhooks.signature([self._callback.secret], int(time.time()), body),
            **{name: known[name] for name in ("traceparent",) if name in known},
        }
        async with self._http.post(self._callback.url, headers, body, wire.trace) as response:
            return callbacks.answered(response.status_code)


class _Wire:
    """Has it recorded that a request leaves, right before it does."""

    def __init__(self, begin: Callable[[], Awaitable[None]]) -> None:
        self._begin = begin
        self.sent = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_headers.started"):
            await self._begin()
            self.sent = True
