"""How a request proves who sends it: always by reference to a secret, never by its value."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from focal_cli.importing import names

_TOKEN = re.compile(r"[A-Za-z0-9!#%&'*+.^_`|~-]+")
"""A token of HTTP (RFC 9110, 5.6.2) without `$`: a name of the document must not read as a setting."""


@dataclass
class Credentials:
    """What a request carries, and what a person has to know of it."""

    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def credentials(document: Mapping[str, Any], operation: Mapping[str, Any], service: str) -> Credentials:
    """What the first alternative of an operation's security asks for."""
    required = operation.get("security", document.get("security", []))
    schemes = document.get("components", {}).get("securitySchemes", {})
    found = Credentials()
    for name in required[0] if isinstance(required, Sequence) and required else {}:
        _enter(found, schemes.get(name, {}), "${" + names.setting(service, name) + "}")
    return found


def _enter(found: Credentials, scheme: Mapping[str, Any], secret: str) -> None:
    kind, how = scheme.get("type"), str(scheme.get("scheme", "")).lower()
    if not all(map(_TOKEN.fullmatch, (how or "bearer", str(scheme.get("name", "key"))))):
        found.remarks.append("The API wants a credential under a name that is none; it is not written here.")
        return
    if kind == "apiKey" and scheme.get("in") == "query":
        found.query[scheme["name"]] = secret
    elif kind == "apiKey" and scheme.get("in") == "cookie":
        found.headers["Cookie"] = f"{scheme['name']}={secret}"
    elif kind == "apiKey":
        found.headers[scheme["name"]] = secret
    elif kind == "http" and how == "basic":
        found.headers["Authorization"] = f"Basic {secret}"
        found.remarks.append(f"{secret} is `user:password` in base64.")
    elif kind == "http":
        found.headers["Authorization"] = f"{'Bearer' if how == 'bearer' else how.capitalize()} {secret}"
    elif kind in {"oauth2", "openIdConnect"}:
        found.headers["Authorization"] = f"Bearer {secret}"
        found.remarks.append(f"{secret} is a token that something else has to fetch and renew.")
    else:
        found.remarks.append(f"The API wants security of the kind {kind!r}, which is not written here.")
