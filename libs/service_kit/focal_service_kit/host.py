"""What a service's composition root gets: the server to register on and the process around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import grpc.aio
from opentelemetry import trace

from focal_service_kit import (
    channels,
    deadlines,
    errors,
    health,
    interceptors,
    logging,
    metrics,
    settings,
    tasks,
)
from focal_service_kit.identity import Keys, TokenIssuer, Verifier

_log = logging.get("host")


class Host:
    """The running process as `app.build` sees it.

    `server` takes servicers, `stack` takes resources (closed after the server stopped, last first),
    `caller_tokens` mints internal tokens, `metrics` takes collectors, `tracer` is None when tracing is off.
    """

    def __init__(
        self,
        service: str,
        chosen: settings.ServiceSettings,
        keys: Keys,
        *,
        translators: tuple[errors.Translator, ...] = (),
        tracer: trace.Tracer | None = None,
    ) -> None:
        self.service = service
        self.stack = AsyncExitStack()
        self.metrics = metrics.registry()
        self.tracer = tracer
        self.caller_tokens = TokenIssuer(service, keys.internal, chosen.auth.internal_ttl_s)
        self.health = health.Readiness(chosen.health, self.metrics)
        self.drain_callbacks: list[Callable[[], Awaitable[None]]] = []
        self.failed = asyncio.Event()
        self._chosen = chosen
        self._calls = channels.ClientCalls(self.caller_tokens, self.metrics, tracer)
        self._waiting: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        self._open_methods: set[str] = set()
        layers = interceptors.layers(
            Verifier(service, keys, chosen.auth), self.metrics, tracer, self._open_methods
        )
        self.server = grpc.aio.server(
            interceptors=[interceptors.Around(layers, translators, chosen.grpc.write_timeout_s)],
            options=_server_options(chosen),
        )

    def serves(self, *full_service_names: str) -> None:
        """Announce services (`focal.turn.v1.TurnGatewayService`) to health and reflection."""
        self.health.serves(*full_service_names)

    def opens(self, *methods: str) -> None:
        """Let methods (`/focal.…Service/Method`) be called without a token; they see to their callers
        themselves.
        """
        self._open_methods.update(methods)

    def readiness(self, name: str, check: Callable[[], Awaitable[None]], *, required: bool = True) -> None:
        """Poll a dependency; while a required one fails, every service here is NOT_SERVING."""
        self.health.needs(name, check, required=required)

    def background(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a named task beside the server; if it raises, the process exits 1 to be restarted.

        Tasks asked for while building start when the server does; all are cancelled after it
        stopped.
        """
        if self._started:
            self._start(name, run)
        else:
            self._waiting.append((name, run))

    def on_drain(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call when draining: tell open streams to go, stop taking on work."""
        self.drain_callbacks.append(callback)

    def channel(self, target: channels.ChannelSettings) -> grpc.aio.Channel:
        """A channel to a peer, closed with the process."""
        channel = channels.connect(target, self._chosen, self._calls)
        self.stack.push_async_callback(channel.close)
        return channel

    def start_background(self) -> None:
        """Start what `background` collected."""
        self._started = True
        for name, run in self._waiting:
            self._start(name, run)

    async def stop_background(self) -> None:
        """Cancel the tasks and wait for their end."""
        await tasks.cancel(list(self._tasks))

    def _start(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(run(), name=name, context=deadlines.detached())
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.remove(task)
        if task.cancelled() or (failure := task.exception()) is None:
            return
        _log.error("background task failed", task=task.get_name(), exc_info=failure)
        self.failed.set()


def _server_options(service: settings.ServiceSettings) -> list[tuple[str, int]]:
    chosen = service.grpc
    return [
        # Without this two processes share a port silently and each gets half of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", chosen.max_message_bytes),
        ("grpc.max_connection_age_ms", int(chosen.max_connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", int(chosen.max_connection_age_grace_s * 1000)),
        ("grpc.keepalive_time_ms", int(chosen.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(chosen.keepalive_timeout_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(chosen.keepalive_timeout_s * 1000)),
        # Our own services ping as often as that; who pings more often is dropped.
        ("grpc.http2.min_ping_interval_without_data_ms", int(service.client.keepalive_s * 500)),
    ]
