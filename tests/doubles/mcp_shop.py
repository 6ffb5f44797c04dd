"""An MCP server of somebody else's, on the official SDK: a command, or HTTP on a loopback port.

python -m tests.doubles.mcp_shop speaks over standard input and output.
"""

import asyncio
import functools
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from tests.fakes.until import until


def server() -> MCPServer:
    """The shop's tools."""
    shop = MCPServer("shop", log_level="CRITICAL")

    @shop.tool()
    async def refund(order_id: str, amount: float, context: Context) -> dict[str, Any]:
        await context.report_progress(1, 2, "paying")
        meta: Any = context.request_context.meta or {}
        return {"order": order_id, "amount": amount, "key": meta.get("focal/idempotency-key", "")}

    @shop.tool(structured_output=False)
    async def say(text: str) -> str:
        return text

    @shop.tool()
    async def fail(secret: str) -> str:
        raise RuntimeError(f"no luck with {secret}")

    @shop.tool()
    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    @shop.tool(structured_output=False)
    async def env(name: str) -> str:
        return os.environ.get(name, "")

    @shop.tool()
    async def die() -> str:
        os._exit(3)

    @shop.tool(structured_output=False)
    async def large(characters: int) -> str:
        return "x" * characters

    return shop


@dataclass
class Served:
    """A shop over HTTP; `headers` are those of every request. `instead` is what tool calls get: a status,
    a kind of content, and a body, whose end is missing when `cut`."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    calls: int = 0
    instead: tuple[int, str, str] | None = None
    cut: bool = False

    async def app(self, inner: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        self.headers.append({key.decode(): value.decode() for key, value in scope["headers"]})
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        body = b"".join(message.get("body", b"") for message in messages)

        async def replayed() -> Any:
            return messages.pop(0) if messages else await receive()

        called = b'"tools/call"' in body
        self.calls += called
        if not called or self.instead is None:
            await inner(scope, replayed, send)
            return
        status, kind, text = self.instead
        length = len(text) + (10 if self.cut else 0)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(length).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode(), "more_body": self.cut})
        if self.cut:
            raise ConnectionAbortedError


@asynccontextmanager
async def serving(port: int = 0, *, json_response: bool = False) -> AsyncIterator[Served]:
    """The shop over streamable HTTP, inside the test's loop."""
    served = Served()
    inner = server().streamable_http_app(json_response=json_response)
    app = functools.partial(served.app, inner)
    config = uvicorn.Config(
        app, port=port, log_level="critical", lifespan="on", interface="asgi3", timeout_graceful_shutdown=0
    )
    running = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", port))
    task = asyncio.create_task(running.serve([listening]), name="shop")
    served.url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    await until(lambda: running.started, "the shop serves")
    try:
        yield served
    finally:
        running.should_exit = True
        await task
        listening.close()


if __name__ == "__main__":
    server().run("stdio")
