"""Provider `grpc`: one unary method of a foreign service, described by its reflection or a descriptor set.

A request is sent only on a connection that stands, so that a service which is away leaves no doubt. gRPC
itself sends nothing again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import cachetools
import grpc
import grpc.aio
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from focal_kernel import canonical_json
from focal_toolbox import errors
from focal_toolbox.adapters.outbound import AddressRefused, Outbound
from focal_toolbox.adapters.providers import grpc_answer, grpc_methods, http_answer, templates
from focal_toolbox.adapters.providers.grpc_channels import Channels, Target, Unreachable
from focal_toolbox.adapters.providers.grpc_methods import Method, Reflected, Undescribed, Unfitting
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.hosts import DEFAULT_PORTS
from focal_toolbox.domain.redaction import Redaction
from focal_toolbox.ports.providers import Availability, Handover

KEY = "idempotency-key"
HANDOVER = "focal-result-token"
HANDOVER_VARIABLE = "RESULT_TOKEN"
CONFIGS_KEPT = 1024

_METHOD = r"^[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*$"
_METADATA = re.compile(r"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")


class Config(BaseModel):
    """`provider_config` of a tool. Without `request`, all arguments are the request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1)
    method: Annotated[str, StringConstraints(pattern=_METHOD)]
    metadata: dict[str, str] = {}
    request: Any = None
    descriptor_set: str = ""
    descriptors: str = ""

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if any(not _METADATA.fullmatch(name) or name == KEY for name in self.metadata):
            raise ValueError("metadata")
        return self


@dataclass(frozen=True, slots=True)
class Described:
    """Descriptor sets of the settings by name, and how large one in a definition may be, in bytes."""

    sets: Mapping[str, bytes]
    most_bytes: int


class GrpcProvider:
    """Builds and sends requests. `secrets` knows the values of `${NAME}`."""

    def __init__(
        self,
        channels: Channels,
        reflected: Reflected,
        described: Described,
        outbound: Outbound,
        secrets: Secrets,
        answer_bytes: int,
    ) -> None:
        self._channels = channels
        self._reflected = reflected
        self._described = described
        self._outbound = outbound
        self._secrets = secrets
        self._answer_bytes = answer_bytes
        self._configs: cachetools.LRUCache[str, Config] = cachetools.LRUCache(CONFIGS_KEPT)
        self._methods: cachetools.LRUCache[str, Method] = cachetools.LRUCache(CONFIGS_KEPT)

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> GrpcDispatch:
        filling = templates.Filling(arguments, self._secrets.values(tenant_id))
        return self._prepared(tenant_id, config_json, filling)

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> GrpcDispatch:
        """With the token in the metadata, and in whatever template names `${RESULT_TOKEN}`."""
        variables = {**self._secrets.values(tenant_id), HANDOVER_VARIABLE: handover.token}
        filling = templates.Filling(arguments, variables)
        return self._prepared(tenant_id, config_json, filling, handover.token)

    def _prepared(
        self, tenant_id: str, config_json: str, filling: templates.Filling, result_token: str = ""
    ) -> GrpcDispatch:
        config = self._config(config_json)
        if templates.names(config.url):
            raise _unusable("the URL of a gRPC service takes no arguments")
        target = _target(filling.url(config.url))
        self._outbound.check(tenant_id, target.host, target.port)
        metadata = [(name, filling.header(value)) for name, value in config.metadata.items()]
        if result_token:
            metadata.append((HANDOVER, result_token))
        request = filling.body(config.request) if "request" in config.model_fields_set else filling.arguments
        dispatch = GrpcDispatch(
            self._channels,
            self._reflected,
            target,
            config.method,
            metadata,
            canonical_json.dumps(request),
            (tenant_id, target),
            self._answer_bytes,
            self._stated(config, config_json),
            Redaction([result_token]),
        )
        dispatch.check()
        return dispatch

    def _stated(self, config: Config, config_json: str) -> Method | None:
        """The method as the definition describes it; None when the service is to be asked."""
        if not (config.descriptor_set or config.descriptors):
            return None
        known = self._methods.get(config_json)
        if known is None:
            try:
                known = grpc_methods.described(config.method, self._files(config))
            except Undescribed as missing:
                raise _unusable(missing.message) from None
            self._methods[config_json] = known
        return known

    def _files(self, config: Config) -> bytes:
        if config.descriptor_set:
            found = self._described.sets.get(config.descriptor_set)
            if found is None:
                raise _unusable(
                    f"the toolbox setting grpc_provider.descriptor_sets has no {config.descriptor_set[:64]!r}"
                )
            return found
        try:
            found = base64.b64decode(config.descriptors, validate=True)
        except (binascii.Error, ValueError):
            raise _unusable("`descriptors` is no base64") from None
        if len(found) > self._described.most_bytes:
            raise _unusable(f"`descriptors` is longer than {self._described.most_bytes} bytes")
        return found

    def _config(self, config_json: str) -> Config:
        known = self._configs.get(config_json)
        if known is None:
            known = self._configs[config_json] = _parse(config_json)
        return known


@dataclass(frozen=True, slots=True)
class GrpcDispatch:
    """A request that is ready to be sent; `whose` keeps apart what services said to whom."""

    channels: Channels
    reflected: Reflected
    target: Target
    method: str
    metadata: Sequence[tuple[str, str]]
    request_json: str
    whose: object
    answer_bytes: int
    stated: Method | None
    redaction: Redaction

    @property
    def host(self) -> str:
        return f"{self.target.host}:{self.target.port}"

    def check(self) -> None:
        """Refusal when the arguments do not fit a method that is known already."""
        method = self.stated or self.reflected.known(self.whose, self.method)
        if method is not None:
            try:
                method.encode(self.request_json)
            except Unfitting as unfitting:
                raise errors.Refusal("INVALID_TOOL_ARGUMENTS", str(unfitting)) from None

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        return self.redaction.answer(await self._sent(idempotency_key, timeout_s))

    async def _sent(self, idempotency_key: str, timeout_s: float) -> Answer:
        wire = _Wire()
        until = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(until), self.channels.connected(self.target) as channel:
                return await self._exchange(channel, idempotency_key, until, wire)
        except AddressRefused:
            return http_answer.address_refused()
        except Unreachable:
            return http_answer.broken("unreachable", "the provider cannot be reached", sent=False)
        except TimeoutError:
            return http_answer.broken("timeout", "the provider did not answer in time", sent=wire.sent)

    async def _exchange(self, channel: grpc.aio.Channel, key: str, until: float, wire: _Wire) -> Answer:
        def left() -> float:
            return max(0.0, until - asyncio.get_running_loop().time())

        try:
            method = self.stated or await self.reflected.ask(
                channel, self.metadata, self.whose, self.method, left()
            )
            body = method.encode(self.request_json)
        except Undescribed as missing:
            return Answer(Verdict.UNCHANGED, reason=missing.reason, message=missing.message)
        except Unfitting as unfitting:
            return Answer(Verdict.UNCHANGED, reason="invalid_arguments", message=str(unfitting))
        except grpc.aio.AioRpcError as failure:
            return _not_described(failure)
        keyed = ((KEY, key),) if key else ()
        call: Any = channel.unary_unary(method.path)
        wire.sent = True
        try:
            answer = await call(body, timeout=left(), metadata=[*self.metadata, *keyed])
        except grpc.aio.AioRpcError as failure:
            return self._failed(channel, failure)
        try:
            return Answer(Verdict.DONE, result_json=method.decode(answer))
        except ValueError:
            message = f"the provider's answer is no {method.descriptor.output_type.full_name}"
            return Answer(Verdict.UNKNOWN, reason="invalid_response", message=message)

    def _failed(self, channel: grpc.aio.Channel, failure: grpc.aio.AioRpcError) -> Answer:
        if failure.code() is grpc.StatusCode.UNAVAILABLE:
            # For a moment gRPC takes a connection that broke for a good one.
            self.channels.forget(self.target, channel)
        if failure.code() is grpc.StatusCode.UNIMPLEMENTED:
            self.reflected.forget(self.whose, self.method)
        if failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return http_answer.broken("timeout", "the provider did not answer in time", sent=True)
        return grpc_answer.failure(failure, self.answer_bytes)


class _Wire:
    """Whether the call was begun."""

    def __init__(self) -> None:
        self.sent = False


def _not_described(failure: grpc.aio.AioRpcError) -> Answer:
    """Reflection failed; the call itself was not begun."""
    return Answer(
        Verdict.UNCHANGED,
        reason="no_reflection",
        message=f"the provider's reflection ended with status {failure.code().name}",
        transient=failure.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED},
    )


def _target(text: str) -> Target:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable("the URL is not valid") from None
    if parts.scheme not in {"grpc", "grpcs"} or not host or parts.path not in {"", "/"} or parts.query:
        raise _unusable("the URL must be grpc://host:port, or grpcs://host:port for TLS")
    return Target(host, port or DEFAULT_PORTS[parts.scheme], parts.scheme == "grpcs")


def _parse(config_json: str) -> Config:
    try:
        return Config.model_validate(canonical_json.loads(config_json))
    except ValidationError as error:
        keys = ", ".join(sorted({".".join(map(str, item["loc"])) or "metadata" for item in error.errors()}))
        raise _unusable(f"the provider configuration is not valid at {keys}") from None
    except ValueError:
        raise _unusable("the provider configuration is no JSON") from None


def _unusable(message: str) -> errors.Refusal:
    return errors.Refusal("PROVIDER_NOT_CONFIGURED", message)
