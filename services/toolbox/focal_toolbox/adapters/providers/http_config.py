"""`provider_config` of a tool whose provider is `http`, as a published bundle states it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from focal_kernel import canonical_json
from focal_toolbox import errors
from focal_toolbox.adapters.providers import templates
from focal_toolbox.adapters.providers.http_reading import BadExpression, Reading

MOST_REDIRECTS = 5
_PORTS = 1 << 16

_READS = {"GET", "HEAD"}
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
"""Headers that frame the message: one out of a definition could say something else than is sent."""
_ASKED = {"accept-encoding", "idempotency-key"}
"""Headers with which the toolbox keeps promises of its own."""


class Part(BaseModel):
    """Unknown keys are refused: a misspelt limit must not be no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Basic(Part):
    """HTTP Basic authentication."""

    username: str = ""
    password: str


class Named(Part):
    """A header or a query parameter."""

    name: str = Field(min_length=1)
    value: str


class Auth(Part):
    """Exactly one way to say who calls; each names its secret as `${NAME}`."""

    bearer: str | None = None
    basic: Basic | None = None
    header: Named | None = None
    query: Named | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        """A secret is named, not written; no argument has a part in it."""
        if len(self.model_fields_set) != 1:
            raise ValueError("one way to authenticate")
        if not templates.variables(self.secret) or templates.names(self.secret):
            raise ValueError("the secret is named as ${NAME}, without arguments")
        return self

    @property
    def secret(self) -> str:
        """The template of the secret."""
        if self.basic:
            return self.basic.password
        found = self.header or self.query
        return found.value if found else self.bearer or ""

    @property
    def header_name(self) -> str:
        """The header it fills, empty for none."""
        if self.header:
            return self.header.name
        return "" if self.query else "Authorization"


class Config(Part):
    """Without `body`, a method that takes one sends all arguments that the URL does not use.

    `redirects` are followed by reading calls only. `success`, `error` and `result` are JMESPath expressions
    over the answer.
    """

    url: str = Field(min_length=1)
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: Any = None
    auth: Auth | None = None
    redirects: int = Field(0, ge=0, le=MOST_REDIRECTS)
    success: str = ""
    error: str = ""
    result: str = ""

    @model_validator(mode="after")
    def _sendable(self) -> Self:
        """What a library would refuse while it sends is refused before."""
        names = [name.lower() for name in self._header_names()]
        if any(not _TOKEN.fullmatch(name) or name in _OURS | _ASKED for name in names):
            raise ValueError("headers that can be sent")
        if len(set(names)) < len(names):
            raise ValueError("each header once")
        if self.redirects and self.method not in _READS:
            raise ValueError("redirects of GET and HEAD")
        return self

    def _header_names(self) -> Iterator[str]:
        yield from self.headers
        if self.auth and self.auth.header_name:
            yield self.auth.header_name


@dataclass(frozen=True, slots=True)
class Definition:
    """A configuration that was read: what to send, and how its answers are read."""

    config: Config
    reading: Reading


def parse(config_json: str) -> Definition:
    """Refusal PROVIDER_NOT_CONFIGURED when the configuration cannot be used."""
    try:
        config = Config.model_validate(canonical_json.loads(config_json))
        return Definition(config, Reading.of(config.success, config.error, config.result))
    except ValidationError as error:
        keys = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors()} - {""}))
        at = f" at {keys}" if keys else ": see its headers and redirects"
        raise unusable(f"the provider configuration is not valid{at}") from None
    except BadExpression as error:
        raise unusable(f"the provider configuration is not valid at {error.key}") from None
    except ValueError:
        raise unusable("the provider configuration is no JSON") from None


def checked(text: str) -> httpx.URL:
    """An absolute http or https URL; Refusal otherwise."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise unusable("the URL is not valid") from None
    if url.scheme not in {"http", "https"} or not url.host or not 0 < (url.port or 1) < _PORTS:
        raise unusable("the URL must start with http:// or https:// and a host")
    return url


def unusable(message: str) -> errors.Refusal:
    """The refusal of a definition that cannot be carried out here, whatever the arguments are."""
    return errors.Refusal("PROVIDER_NOT_CONFIGURED", message)
