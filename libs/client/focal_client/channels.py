"""How the client reaches a gateway: channel, encryption, and the token on every call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

Token = str | Callable[[], str]
"""A bearer token, or a function that returns one that is fresh; it is asked before every call."""

Metadata = tuple[tuple[str, str], ...]

OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
)


@dataclass(frozen=True)
class Tls:
    """Files in PEM; without ``ca`` the system's authorities are trusted; the other two are for mTLS."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """What grpc wants to know."""
        return grpc.ssl_channel_credentials(
            _read(self.ca), private_key=_read(self.key), certificate_chain=_read(self.certificate)
        )


def channel(target: str, tls: Tls | None) -> grpc.aio.Channel:
    """An unconnected channel; plain text without ``tls``, which is meant for loopback.

    Raises RuntimeError outside a coroutine: calls on a channel of another event loop never end.
    """
    asyncio.get_running_loop()
    if tls is None:
        return grpc.aio.insecure_channel(target, OPTIONS)
    return grpc.aio.secure_channel(target, tls.credentials(), OPTIONS)


def metadata(token: Token) -> Metadata:
    """The call metadata that says who calls."""
    return (("authorization", f"Bearer {token if isinstance(token, str) else token()}"),)


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
