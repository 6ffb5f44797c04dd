"""What a tool's HTTP request must not hold: secrets, headers that cannot be sent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.http_request import HttpAuth, HttpRequest
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem

_VARIABLE = re.compile(r"\$\{[A-Za-z0-9_]+\}")
_ARGUMENT = re.compile(r"(?<!\$)\{[A-Za-z_][A-Za-z0-9_]*\}")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "accept-encoding",
        "idempotency-key",
    }
)
"""Headers that say how a message is sent, or with which the toolbox keeps promises of its own."""
_TELLING_NAME = re.compile(
    r"authorization|cookie|(^|[-_.])(api[-_]?key|access[-_]?key|secret|token|password|passwd|signature|sig)($|[-_.])",
    re.IGNORECASE,
)
_TELLING_VALUE = re.compile(
    r"\b(sk|pk|rk)[-_](live|test|proj|ant)[-_][\w-]{8,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{15,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.|\bSG\.[\w-]{16,}\."
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\b(Bearer|Basic)\s+[\w+/=.~-]{8,}"
)
"""Credentials that well-known services hand out, and those of HTTP's own schemes."""


def check(draft: Draft) -> Iterator[Problem]:
    """Literal secrets, headers that cannot be sent, refusals that need not give a reason."""
    for tool_id, tool in draft.tools.items():
        origin = draft.origin(Kind.TOOLS, tool_id)
        yield from _of_values(origin, "config", tool.config)
        if tool.http:
            yield from _of_request(origin, tool.http)
            yield from _of_refusals(origin, tool, tool.http)


def _of_request(origin: Origin, http: HttpRequest) -> Iterator[Problem]:
    if http.auth:
        yield from _of_auth(origin, http.auth)
    yield from _of_headers(origin, http)
    for part in ("headers", "query"):
        yield from _of_named(origin, part, getattr(http, part))
    yield from _of_values(origin, "body", http.body, "http")
    if _literal_password(http.url) or _TELLING_VALUE.search(http.url):
        yield _credential(origin, "http", "url")


def _of_auth(origin: Origin, auth: HttpAuth) -> Iterator[Problem]:
    secret, where = auth.secret()
    if not _VARIABLE.search(secret) or _ARGUMENT.search(secret):
        message = (
            "name the secret as ${NAME} and nothing else; its value is a file or a setting of the toolbox"
        )
        yield origin.error("LITERAL_SECRET", message, "http", "auth", *where)


def _of_headers(origin: Origin, http: HttpRequest) -> Iterator[Problem]:
    own = http.auth.header_name().lower() if http.auth else ""
    seen = {own} - {""}
    if own and (own in _OURS or not _TOKEN.fullmatch(own)):
        yield origin.error(
            "BAD_HEADER", f"`{own}` is no header that can be set", "http", "auth", "header", "name"
        )
    for name in http.headers:
        lower = name.lower()
        if not _TOKEN.fullmatch(name) or lower in _OURS:
            message = f"`{name}` is no header that can be set"
        elif lower in seen:
            message = f"the header `{name}` is set twice"
        else:
            seen.add(lower)
            continue
        yield origin.error("BAD_HEADER", message, "http", "headers", name, key=True)


def _of_named(origin: Origin, part: str, values: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in values.items():
        filled = _VARIABLE.search(value) or _ARGUMENT.search(value)
        if _TELLING_VALUE.search(value) or (value and _TELLING_NAME.search(name) and not filled):
            yield _credential(origin, "http", part, name)


def _of_values(origin: Origin, key: str, value: Any, *above: Where) -> Iterator[Problem]:
    match value:
        case str() if _TELLING_VALUE.search(value):
            yield _credential(origin, *above, key)
        case dict():
            for name, member in value.items():
                yield from _of_values(origin, name, member, *above, key)
        case list():
            for index, item in enumerate(value):
                yield from _of_values(origin, index, item, *above, key)  # type: ignore[arg-type]


def _of_refusals(origin: Origin, tool: Tool, http: HttpRequest) -> Iterator[Problem]:
    if http.success and not http.error and tool.policy != "pure":
        message = (
            "give `error:`, where the answer names its reason, too: without it, any answer for which"
            " `success` is false counts as a refusal, and the call may be made again"
        )
        yield origin.warning("NO_ERROR_EXPRESSION", message, "http", "success")


def _literal_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False
    return bool(password) and not _VARIABLE.search(password or "")


def _credential(origin: Origin, *where: Where) -> Problem:
    message = (
        "this looks like a credential, and bundles are no place for one: write ${NAME}, best in `auth:`, and"
        " give the toolbox the value as a file or a setting"
    )
    return origin.warning("CREDENTIAL_IN_SOURCES", message, *where)
