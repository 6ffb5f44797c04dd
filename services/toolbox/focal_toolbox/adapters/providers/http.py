"""Provider `http`: one request to a URL of the tool's definition.

A request that carries an idempotency key gets a connection of its own: on a reused one, a server
that hangs up while we send leaves a doubt that never had to be. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import cachetools
import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focal_kernel import canonical_json
from focal_toolbox import errors
from focal_toolbox.adapters.outbound import AddressRefused, CheckedTransport, Outbound
from focal_toolbox.adapters.providers import http_answer, templates
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.hosts import DEFAULT_PORTS
from focal_toolbox.ports.providers import Availability, Handover

KEY_HEADER = "Idempotency-Key"
HANDOVER_HEADER = "Focal-Result-Token"
HANDOVER_VARIABLE = "RESULT_TOKEN"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
REASON_BYTES = 16 * 1024
"""How much of a refusal is read to find the provider's own word for it."""
CONFIGS_KEPT = 1024

_MARKERS = ("1", "2")
_WITHOUT_BODY = {"GET", "HEAD", "DELETE"}


class Config(BaseModel):
    """`provider_config` of a tool. Without `body`, a method that takes one sends all arguments that
    the URL does not use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1)
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: Any = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, bytes of an answer, connections at most."""

    connect_s: float
    answer_bytes: int
    connections: int


@dataclass(frozen=True, slots=True)
class Clients:
    """`pooled` keeps connections, `single` opens one per request."""

    pooled: httpx.AsyncClient
    single: httpx.AsyncClient


@asynccontextmanager
async def clients(limits: Limits, outbound: Outbound) -> AsyncIterator[Clients]:
    """The two clients of a process; proxies and credentials of the environment are not used."""
    trust = httpx.create_ssl_context()

    def client(kept: int | None) -> httpx.AsyncClient:
        pool = httpx.Limits(max_connections=limits.connections, max_keepalive_connections=kept)
        return httpx.AsyncClient(
            transport=CheckedTransport(outbound, trust, pool),
            timeout=httpx.Timeout(None, connect=limits.connect_s),
            follow_redirects=False,
            trust_env=False,
        )

    async with client(None) as pooled, client(0) as single:
        yield Clients(pooled, single)


class HttpProvider:
    """Builds and sends requests. `variables` are the values of `${NAME}`, by upper-case name."""

    def __init__(
        self, clients: Clients, limits: Limits, outbound: Outbound, variables: Mapping[str, str]
    ) -> None:
        self._clients = clients
        self._limits = limits
        self._outbound = outbound
        self._variables = variables
        self._configs: cachetools.LRUCache[str, Config] = cachetools.LRUCache(CONFIGS_KEPT)

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> HttpDispatch:
        return self._prepared(tenant_id, config_json, templates.Filling(arguments, self._variables))

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> HttpDispatch:
        """With the token in a header, and in whatever template names `${RESULT_TOKEN}`."""
        variables = {**self._variables, HANDOVER_VARIABLE: handover.token}
        filling = templates.Filling(arguments, variables)
        return self._prepared(tenant_id, config_json, filling, {HANDOVER_HEADER: handover.token})

    def _prepared(
        self,
        tenant_id: str,
        config_json: str,
        filling: templates.Filling,
        more: Mapping[str, str] = NO_HEADERS,
    ) -> HttpDispatch:
        config = self._config(config_json)
        url = _checked(filling.url(config.url))
        self._outbound.check(tenant_id, url.raw_host.decode(), _port(url), stated=self._stated(config, url))
        if config.query:
            url = url.copy_merge_params(filling.query(config.query))
        headers = {name: filling.header(value) for name, value in config.headers.items()}
        headers.update(more)
        content = _content(config, filling)
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        return HttpDispatch(self._clients, self._limits, config.method, url, headers, content)

    def _stated(self, config: Config, url: httpx.URL) -> bool:
        """Whether the host is the definition's own: whatever the arguments were, it would be the same."""
        names = templates.names(config.url)
        if not names:
            return True
        fillings = (templates.Filling(dict.fromkeys(names, text), self._variables) for text in _MARKERS)
        return {_checked(filling.url(config.url)).netloc for filling in fillings} == {url.netloc}

    def _config(self, config_json: str) -> Config:
        known = self._configs.get(config_json)
        if known is None:
            known = self._configs[config_json] = _parse(config_json)
        return known


@dataclass(frozen=True, slots=True)
class HttpDispatch:
    """A request that is ready to be sent."""

    clients: Clients
    limits: Limits
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        wire = _Wire()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(idempotency_key, wire)
        except AddressRefused:
            return http_answer.address_refused()
        except (TimeoutError, httpx.TimeoutException):
            return http_answer.broken("timeout", "the provider did not answer in time", sent=wire.sent)
        except (httpx.HTTPError, httpx.StreamError, OSError):
            reason = "connection_lost" if wire.sent else "unreachable"
            message = "the connection broke" if wire.sent else "the provider cannot be reached"
            return http_answer.broken(reason, message, sent=wire.sent)

    async def _exchange(self, key: str, wire: _Wire) -> Answer:
        client = self.clients.single if key else self.clients.pooled
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **self.headers}
        if key:
            headers[KEY_HEADER] = key
        async with client.stream(
            self.method,
            self.url,
            headers=headers,
            content=self.content,
            extensions={"trace": wire.trace},
        ) as response:
            if not response.is_success:
                return http_answer.failure(response.status_code, await _start(response))
            body = await _whole(response, self.limits.answer_bytes)
        return http_answer.too_large(self.limits.answer_bytes) if body is None else http_answer.success(body)


class _Wire:
    """Learns from the transport whether anything of the request has left."""

    def __init__(self) -> None:
        self.sent = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_headers.started"):
            self.sent = True


async def _whole(response: httpx.Response, limit: int) -> bytes | None:
    """The body, or None when it is longer than `limit` bytes."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)


async def _start(response: httpx.Response) -> bytes:
    """A refusal's body; a cut or overlong one says nothing, the status alone counts."""
    try:
        return await _whole(response, REASON_BYTES) or b""
    except httpx.HTTPError:
        return b""


def _parse(config_json: str) -> Config:
    try:
        return Config.model_validate(canonical_json.loads(config_json))
    except ValidationError as error:
        keys = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors()}))
        raise _unusable(f"the provider configuration is not valid at {keys}") from None
    except ValueError:
        raise _unusable("the provider configuration is no JSON") from None


def _checked(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise _unusable("the URL is not valid") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise _unusable("the URL must start with http:// or https:// and a host")
    return url


def _port(url: httpx.URL) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]


def _content(config: Config, filling: templates.Filling) -> bytes | None:
    if "body" in config.model_fields_set:
        return canonical_json.dumps(filling.body(config.body)).encode()
    if config.method in _WITHOUT_BODY:
        return None
    used = templates.names(config.url)
    rest = {name: value for name, value in filling.arguments.items() if name not in used}
    return canonical_json.dumps(rest).encode()


def _unusable(message: str) -> errors.Refusal:
    return errors.Refusal("PROVIDER_NOT_CONFIGURED", message)
