"""Operations of an OpenAPI document as tools with HTTP requests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from focal_cli.importing import names, reviewing, security
from focal_cli.importing.requests import CannotSay, Request
from focal_cli.importing.reviewing import Imported
from focal_cli.tool_files import Definition

METHODS = ("get", "head", "post", "put", "patch", "delete")
FALLBACK = "service"
"""Names the settings of a service whose title has no letter that a name may have."""

SAFE = ("get", "head")
"""Methods by which a client asks for no change (RFC 9110, 9.2.1). PUT and DELETE are called idempotent there:
a promise of the method about repetitions, which says nothing of what one call does to a business.
"""


def imported(document: Mapping[str, Any], service: str = "") -> Imported:
    """All operations of a valid document. `service` names the settings; by default the title does."""
    info = document.get("info", {})
    service = service or str(info.get("title", ""))
    if not names.setting(service):
        service = FALLBACK
    made = Imported()
    taken: set[str] = set()
    for method, path, item, operation in _operations(document):
        name = names.tool(str(operation.get("operationId") or f"{method}{path}"), taken)
        try:
            made.tools.append(_tool(name, Call(document, service, method, path, item, operation)))
            taken.add(name)
        except CannotSay as reason:
            made.left_out.append(f"{method.upper()} {path}: {reason}")
    made.head = _head(document, service, made)
    return made


@dataclass(frozen=True)
class Call:
    """An operation with where it stands."""

    document: Mapping[str, Any]
    service: str
    method: str
    path: str
    item: Mapping[str, Any]
    operation: Mapping[str, Any]


def base_url(service: str) -> str:
    """The reference that stands for where the service is."""
    return "${" + names.setting(service, "URL") + "}"


def _operations(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    for path, item in (document.get("paths") or {}).items():
        for method in METHODS:
            if isinstance(item, Mapping) and method in item:
                yield method, path, item, item[method]


def _tool(name: str, call: Call) -> Definition:
    request = Request.of(call.method, call.path, call.item, call.operation)
    credentials = security.credentials(call.document, call.operation, call.service)
    reads = call.method in SAFE
    key = () if reads else request.path_arguments or request.required
    if not reads and not key:
        raise CannotSay(reviewing.NO_KEY)
    keys: dict[str, Any] = {"description": _description(call)}
    keys |= reviewing.policy("pure" if reads else "irreversible", key)
    if call.operation.get("tags"):
        keys["categories"] = [str(tag) for tag in call.operation["tags"] if str(tag).strip()]
    keys["parameters"] = request.schema()
    http: dict[str, Any] = {"method": call.method.upper(), "url": base_url(call.service) + request.url}
    http |= {
        "query": {**request.query, **credentials.query},
        "headers": {**request.headers, **credentials.headers},
    }
    if request.body is not None:
        http["body"] = request.body
    keys["http"] = {part: value for part, value in http.items() if value != {} or part == "body"}
    remarks = [f"{call.method.upper()} {call.path}", *_judgement(call.method, key)]
    return Definition(name, keys, [*remarks, *request.remarks, *credentials.remarks])


def _judgement(method: str, key: tuple[str, ...]) -> Iterator[str]:
    """Why the policy is what it is, for whoever reviews it."""
    if method in SAFE:
        yield f"REVIEW: pure, because {method.upper()} asks for no change. Is that so here?"
        return
    if method in {"put", "delete"}:
        yield (
            f"REVIEW: {method.upper()} may be repeated by the standard, but nothing says what it does to your"
            " business. irreversible until you know better."
        )
    else:
        yield "REVIEW: irreversible until you know better."
    yield from reviewing.of_key(key)


def _description(call: Call) -> str:
    said = " ".join(str(call.operation.get(part) or "") for part in ("summary", "description"))
    return reviewing.description(said, f"{call.method.upper()} {call.path}")


def _head(document: Mapping[str, Any], service: str, made: Imported) -> list[str]:
    info, servers = document.get("info", {}), document.get("servers") or []
    known = ", ".join(str(server.get("url", "")) for server in servers) or "nothing"
    return [
        f"Imported from the OpenAPI document {info.get('title', '')!s} {info.get('version', '')!s}.",
        f"The toolbox's settings need {base_url(service)}, by the document {known}.",
        "They need every other ${NAME} below, too. REVIEW: is each meant for this service and no other?",
        *reviewing.HEAD,
        *(f"Left out: {each}" for each in made.left_out),
    ]
