"""Channels to other services that carry deadline, identity and trace along.

A channel here wraps the real one and prepares each call's timeout and metadata before starting it.
It hands back grpc's own call object, so cancelling, reading and leaving a stream behave exactly as
without us, which interceptors of grpc.aio do not guarantee.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import grpc
import grpc.aio
import prometheus_client
from opentelemetry import trace

from focal_service_kit import deadlines, metrics, settings, tls, tracing
from focal_service_kit.identity import TokenIssuer, caller

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Where a peer is and how it may be called.

    `service` is the peer's name (the audience of tokens), `target` a gRPC target such as
    `dns:///toolbox:7403` or `127.0.0.1:7403`. `safe_methods` are the unary methods
    (`focal.memory.v1.MemoryService/Recall`) that are repeated while the peer is UNAVAILABLE;
    streams never are. `timeout_s` replaces the service-wide default for unary calls.
    """

    service: str
    target: str
    safe_methods: tuple[str, ...] = ()
    timeout_s: float | None = None


class Preparation(Protocol):
    """What a channel asks for before each call."""

    def metadata(self, peer: str, given: Any) -> Metadata:
        """The call's metadata with an `authorization`, unless `given` brings one."""

    def start(self, method: str) -> tuple[Metadata, Callable[[grpc.aio.Call], None]]:
        """Further headers, and what to do when the call is done."""


class ClientCalls:
    """What every outgoing call of a process shares: tokens, metrics, tracer."""

    def __init__(
        self,
        issuer: TokenIssuer,
        registry: prometheus_client.CollectorRegistry,
        tracer: trace.Tracer | None,
    ) -> None:
        self._issuer = issuer
        self._tracer = tracer
        self._durations = metrics.Durations(
            "focal_rpc_client_seconds", "Seconds per RPC made", "method", registry
        )

    def metadata(self, peer: str, given: Any) -> Metadata:
        own: Metadata = tuple(given or ())
        if any(key == "authorization" for key, _ in own):
            return own
        return (*own, ("authorization", f"Bearer {self._token(peer)}"))

    def start(self, method: str) -> tuple[Metadata, Callable[[grpc.aio.Call], None]]:
        started = time.monotonic()
        span, headers = tracing.start_client(self._tracer, method) if self._tracer else (None, {})

        def done(call: grpc.aio.Call) -> None:
            code = _code(call)
            self._durations.observe(method, code, time.monotonic() - started)
            if span is not None:
                tracing.end(span, code)

        return tuple(headers.items()), done

    def _token(self, peer: str) -> str:
        """The incoming token when it was minted for that peer too, else one of our own."""
        incoming = caller.incoming()
        if incoming is None:
            return self._issuer.own(peer, "")
        if incoming.caller.kind is caller.Kind.INTERNAL and peer in incoming.audience:
            return incoming.token
        return self._issuer.own(peer, incoming.caller.tenant_id)


class FocalChannel(grpc.aio.Channel):
    """A channel whose every call is prepared; made by `connect`, used like any other."""

    def __init__(self, inner: grpc.aio.Channel, peer: str, calls: Preparation, timeout_s: float) -> None:
        self._inner = inner
        self._peer = peer
        self._calls = calls
        self._timeout_s = timeout_s

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._prepared(method, self._inner.unary_unary(method, *args, **kwargs), self._timeout_s)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._prepared(method, self._inner.unary_stream(method, *args, **kwargs), None)

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._prepared(method, self._inner.stream_unary(method, *args, **kwargs), None)

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._prepared(method, self._inner.stream_stream(method, *args, **kwargs), None)

    async def close(self, grace: float | None = None) -> None:
        await self._inner.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._inner.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def _prepared(
        self, method: str, begin: Callable[..., Any], default_timeout_s: float | None
    ) -> Callable[..., Any]:
        def call(*request: Any, timeout: float | None = None, metadata: Any = None, **options: Any) -> Any:
            headers, done = self._calls.start(method)
            started = begin(
                *request,
                timeout=deadlines.cap(default_timeout_s if timeout is None else timeout),
                metadata=self._calls.metadata(self._peer, metadata) + headers,
                **options,
            )
            started.add_done_callback(done)
            return started

        return call


def connect(peer: ChannelSettings, process: settings.ServiceSettings, calls: ClientCalls) -> FocalChannel:
    """A lazily connecting channel to `peer`; ConfigError when it would be plaintext off loopback."""
    tls.check_target(process, peer.target)
    options = _options(peer, process)
    credentials = tls.channel_credentials(process.tls)
    inner = (
        grpc.aio.insecure_channel(peer.target, options=options)
        if credentials is None
        else grpc.aio.secure_channel(peer.target, credentials, options=options)
    )
    return FocalChannel(inner, peer.service, calls, peer.timeout_s or process.client.timeout_s)


def _options(peer: ChannelSettings, process: settings.ServiceSettings) -> list[tuple[str, str | int]]:
    return [
        ("grpc.service_config", json.dumps(_service_config(peer, process.client.retry_attempts))),
        ("grpc.max_receive_message_length", process.grpc.max_message_bytes),
        ("grpc.keepalive_time_ms", int(process.client.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(process.client.keepalive_timeout_s * 1000)),
        # What ends the connection in fact: without it a frozen peer is waited for until the deadline.
        ("grpc.http2.ping_timeout_ms", int(process.client.keepalive_timeout_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", process.client.reconnect_min_ms),
        ("grpc.min_reconnect_backoff_ms", process.client.reconnect_min_ms),
        ("grpc.max_reconnect_backoff_ms", process.client.reconnect_max_ms),
    ]


def _service_config(peer: ChannelSettings, attempts: int) -> dict[str, Any]:
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if peer.safe_methods and attempts > 1:
        names = [method.rpartition("/") for method in peer.safe_methods]
        config["methodConfig"] = [
            {
                "name": [{"service": service, "method": name} for service, _, name in names],
                "retryPolicy": {
                    "maxAttempts": attempts,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    return config


def _code(call: grpc.aio.Call) -> grpc.StatusCode:
    """The status of a finished call; its coroutine has nothing left to wait for."""
    coroutine = call.code()
    try:
        coroutine.send(None)
    except StopIteration as finished:
        status: grpc.StatusCode = finished.value
        return status
    coroutine.close()
    return grpc.StatusCode.UNKNOWN
