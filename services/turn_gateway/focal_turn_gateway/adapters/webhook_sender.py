"""Posts events to webhooks, signed."""

from __future__ import annotations

import asyncio
import time

import httpx

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.checked_http import UNREACHABLE, CheckedHttp
from focal_turn_gateway.domain import webhooks
from focal_turn_gateway.domain.webhooks import Answer, Post

_READ_BYTES = 4096
_LONGEST_ERROR = 200


class HttpWebhookSender:
    """`ports.webhooks.WebhookSender`. `timeout_s` bounds a whole post in seconds."""

    def __init__(self, http: CheckedHttp, *, timeout_s: float) -> None:
        self._http = http
        self._timeout_s = timeout_s

    async def post(self, post: Post) -> Answer:
        """Post once. Whatever goes wrong is an answer too; it names no address and no text of a driver."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(post)
        except TimeoutError:
            return Answer(0, f"no answer within {self._timeout_s:g} s")
        except errors.InvalidField as refusal:
            return Answer(0, refusal.message[:_LONGEST_ERROR])
        except UNREACHABLE as error:
            return Answer(0, f"the receiver cannot be reached ({type(error).__name__})")

    async def _post(self, post: Post) -> Answer:
        headers = {
            "User-Agent": "focal-webhooks/1",
            "X-Focal-Delivery": post.delivery_id,
            "X-Focal-Event": post.name,
            "X-Focal-Event-Id": post.event_id,
            "X-Focal-Signature": webhooks.signature(post.secrets, int(time.time()), post.body),
        }
        async with self._http.post(post.url, headers, post.body) as response:
            return Answer(response.status_code, text=await _beginning(response))


async def _beginning(response: httpx.Response) -> str:
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= _READ_BYTES:
            break
    return read[:_READ_BYTES].decode(errors="replace")
