"""A service inside the test's own event loop: real gRPC on loopback, real interceptors, no process.

    async with in_process.serving("toolbox", build) as running:
        stub = toolbox_service_pb2_grpc.ToolboxServiceStub(running.channel())

`build(host)` registers servicers as the service's own `app.build` does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from opentelemetry import trace

from focal_service_kit import channels, errors, service, settings
from focal_service_kit.host import Host
from focal_service_kit.identity import Keys, TokenIssuer


@dataclass
class Deployment:
    """The two private keys of a deployment, and tokens signed with them."""

    tenant_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    internal_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def keys(self) -> Keys:
        return Keys(tenant=(self.tenant_key.public_key(),), internal=self.internal_key)

    def tenant_token(
        self,
        tenant_id: str = "acme",
        *,
        subject: str = "tester",
        roles: Iterable[str] = (),
        ttl_s: float = 60,
        **claims: object,
    ) -> str:
        """A tenant token; `claims` replace or add any claim."""
        content = {
            "iss": "focal",
            "aud": "focal",
            "sub": subject,
            "tenant_id": tenant_id,
            "roles": list(roles),
            "tier": "pro",
            "exp": time.time() + ttl_s,
        }
        return jwt.encode({**content, **claims}, self.tenant_key, "EdDSA")

    def operator_token(self) -> str:
        return self.tenant_token("", roles=["operator"])

    def internal_token(self, *audiences: str, service: str = "turn_gateway", **ids: Any) -> str:
        """An internal token; `ids` as in TokenIssuer.mint (tenant_id, session_id, turn_id, epoch)."""
        return TokenIssuer(service, self.internal_key, 60).mint(audiences, **{"tenant_id": "acme", **ids})

    def write(self, directory: Path) -> dict[str, str]:
        """Write the key files a process needs; returns settings keys to paths."""
        public = self.tenant_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        private = self.internal_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / "tenant.pub.pem").write_bytes(public)
        (directory / "internal.pem").write_bytes(private)
        return {
            "AUTH__TENANT_PUBLIC_KEY_FILE": str(directory / "tenant.pub.pem"),
            "AUTH__INTERNAL_KEY_FILE": str(directory / "internal.pem"),
        }


@dataclass
class Running:
    """A started service: its host, where it listens, and calls to it."""

    host: Host
    target: str
    deployment: Deployment

    def channel(self, token: str | None = None) -> grpc.aio.Channel:
        """A plain client channel whose calls carry `token` (default: one of the tenant `acme`)."""
        carrying = _Carrying(token or self.deployment.tenant_token())
        inner = grpc.aio.insecure_channel(self.target)
        channel = channels.FocalChannel(inner, self.host.service, carrying, timeout_s=10)
        self.host.stack.push_async_callback(channel.close)
        return channel

    def anonymous(self) -> grpc.aio.Channel:
        """A plain client channel whose calls carry no token."""
        channel = grpc.aio.insecure_channel(self.target)
        self.host.stack.push_async_callback(channel.close)
        return channel


@asynccontextmanager
async def serving(
    name: str,
    build: Callable[[Host], Awaitable[None]],
    *,
    deployment: Deployment | None = None,
    chosen: settings.ServiceSettings | None = None,
    translators: tuple[errors.Translator, ...] = (),
    tracer: trace.Tracer | None = None,
) -> AsyncIterator[Running]:
    """Build, start and finally drain a service; services that call each other share a deployment."""
    chosen = chosen or settings.ServiceSettings(drain=settings.DrainSettings(grace_s=0.2))
    deployment = deployment or Deployment()
    host = Host(name, chosen, deployment.keys, translators=translators, tracer=tracer)
    async with host.stack:
        await build(host)
        port = await service.start(host, chosen)
        try:
            yield Running(host, f"127.0.0.1:{port}", deployment)
        finally:
            await service.stop(host, chosen)


class _Carrying:
    """Adds the token to calls that bring no `authorization` of their own."""

    def __init__(self, token: str) -> None:
        self._token = token

    def metadata(self, peer: str, given: Any) -> channels.Metadata:
        own = tuple(given or ())
        if any(key == "authorization" for key, _ in own):
            return own
        return (*own, ("authorization", f"Bearer {self._token}"))

    def start(self, method: str) -> tuple[channels.Metadata, Callable[[grpc.aio.Call], None]]:
        return (), lambda call: None
