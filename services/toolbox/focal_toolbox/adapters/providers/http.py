"""Provider `http`: one request to a URL of the tool's definition."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import cachetools
import httpx
import multidict

from focal_kernel import canonical_json
from focal_toolbox import errors
from focal_toolbox.adapters.http_client import Clients
from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers import http_config, templates
from focal_toolbox.adapters.providers.http_config import Auth, Config, Definition
from focal_toolbox.adapters.providers.http_dispatch import HttpDispatch, Limits, Request
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.hosts import DEFAULT_PORTS
from focal_toolbox.domain.redaction import SHORTEST, Redaction
from focal_toolbox.ports.providers import Availability, Handover

HANDOVER_HEADER = "Focal-Result-Token"
HANDOVER_VARIABLE = "RESULT_TOKEN"
CONFIGS_KEPT = 1024
LONGEST_URL = 8000
"""Characters: what RFC 9110 §4.1 asks every server to take."""

_AUTHORITY = re.compile(r"[A-Za-z]+://[^/?#]+[/?#]")
"""The start of a URL whose host is complete."""
_MARKERS = ("1", "2")
_WITHOUT_BODY = {"GET", "HEAD", "DELETE"}


class HttpProvider:
    """Builds requests; `secrets` knows the values of `${NAME}`."""

    def __init__(self, clients: Clients, limits: Limits, outbound: Outbound, secrets: Secrets) -> None:
        self._clients = clients
        self._limits = limits
        self._outbound = outbound
        self._secrets = secrets
        self._definitions: cachetools.LRUCache[str, Definition] = cachetools.LRUCache(CONFIGS_KEPT)

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> HttpDispatch:
        filling = templates.Filling(arguments, self._secrets.values(tenant_id))
        return self._prepared(tenant_id, config_json, filling)

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> HttpDispatch:
        """With the token in a header, and in whatever template names `${RESULT_TOKEN}`."""
        variables = {**self._secrets.values(tenant_id), HANDOVER_VARIABLE: handover.token}
        filling = templates.Filling(arguments, variables)
        return self._prepared(tenant_id, config_json, filling, handover.token)

    def _prepared(
        self, tenant_id: str, config_json: str, filling: templates.Filling, result_token: str = ""
    ) -> HttpDispatch:
        definition = self._definition(config_json)
        config = definition.config
        url = _url(config, filling)
        port = url.port or DEFAULT_PORTS[url.scheme]
        self._outbound.check(tenant_id, url.raw_host.decode(), port, stated=_stated(config, filling, url))
        headers = multidict.CIMultiDict(
            {name: filling.header(value) for name, value in config.headers.items()}
        )
        query = filling.query(config.query)
        made = [result_token]
        if result_token:
            headers[HANDOVER_HEADER] = result_token
        if config.auth:
            made.append(_authenticate(config.auth, filling, headers, query))
        content = _content(config, filling)
        if content is not None:
            headers.setdefault("Content-Type", "application/json")
        request = Request(tenant_id, config.method, _with_query(url, query), headers, content)
        return HttpDispatch(
            self._clients,
            self._limits,
            self._outbound,
            request,
            definition.reading,
            Redaction(made),
            config.redirects,
        )

    def _definition(self, config_json: str) -> Definition:
        known = self._definitions.get(config_json)
        if known is None:
            known = self._definitions[config_json] = http_config.parse(config_json)
        return known


def _authenticate(
    auth: Auth, filling: templates.Filling, headers: multidict.CIMultiDict[str], query: dict[str, str]
) -> str:
    """Enter the credential; returns it, because it may be more than the secret that it was made of."""
    secret = _secret(auth, filling)
    if auth.query:
        query[auth.query.name] = secret
    elif auth.header:
        headers[auth.header.name] = secret
    elif auth.basic:
        pair = f"{filling.variables_only(auth.basic.username)}:{secret}"
        secret = base64.b64encode(pair.encode()).decode()
        headers["Authorization"] = f"Basic {secret}"
    else:
        headers["Authorization"] = f"Bearer {secret}"
    return secret


def _url(config: Config, filling: templates.Filling) -> httpx.URL:
    text = filling.url(config.url)
    if len(text) > LONGEST_URL:
        raise _too_long()
    return http_config.checked(text)


def _stated(config: Config, filling: templates.Filling, url: httpx.URL) -> bool:
    """Whether the host is the definition's own: whatever the arguments were, it would be the same."""
    names = templates.names(config.url)
    if not names or _AUTHORITY.match(filling.variables_only(templates.before_arguments(config.url))):
        return True
    others = (templates.Filling(dict.fromkeys(names, text), filling.variables) for text in _MARKERS)
    return {http_config.checked(other.url(config.url)).netloc for other in others} == {url.netloc}


def _secret(auth: Auth, filling: templates.Filling) -> str:
    """The secret's value; one that cannot be sent, or be told from common words in an answer, is refused."""
    value = filling.variables_only(auth.secret)
    named = ", ".join(sorted(templates.variables(auth.secret)))
    if len(value) < SHORTEST:
        raise http_config.unusable(
            f"the secret {named} has less than {SHORTEST} characters: too few to keep it out of results"
        )
    if not (value.isascii() and value.isprintable()) and not auth.basic:
        raise http_config.unusable(f"the secret {named} has characters that no header takes")
    return value


def _with_query(url: httpx.URL, query: Mapping[str, str]) -> httpx.URL:
    """Refusal when arguments make the URL too long."""
    try:
        full = url.copy_merge_params(query) if query else url
    except httpx.InvalidURL:
        full = None
    if full is None or len(str(full)) > LONGEST_URL:
        raise _too_long()
    return full


def _too_long() -> errors.Refusal:
    message = f"the arguments make the URL longer than {LONGEST_URL} characters"
    return errors.Refusal("INVALID_TOOL_ARGUMENTS", message)


def _content(config: Config, filling: templates.Filling) -> bytes | None:
    if "body" in config.model_fields_set:
        return canonical_json.dumps(filling.body(config.body)).encode()
    if config.method in _WITHOUT_BODY:
        return None
    used = templates.names(config.url)
    rest = {name: value for name, value in filling.arguments.items() if name not in used}
    return canonical_json.dumps(rest).encode()
