"""One operation's parameters and body as arguments, and the request template that they fill."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from focal_cli.importing import names
from focal_cli.importing.schemas import Schemas, fields, is_list_or_object

_JSON = re.compile(r"application/(json|[a-z0-9.+-]*\+json)( *;.*)?", re.IGNORECASE)
_PATH_PLACE = re.compile(r"\{([^{}]+)\}")
_OF_TRANSPORT = frozenset(
    {"accept", "content-type", "authorization"}
    | {"idempotency-key", "accept-encoding", "host", "content-length", "connection", "transfer-encoding"}
)
"""Header parameters that OpenAPI says are to be ignored, and those that the toolbox sends by itself."""
_READS = frozenset({"get", "head"})
_WITH_BODY = frozenset({"post", "put", "patch"})


class CannotSay(Exception):
    """The operation asks for something that a request template cannot say."""


@dataclass
class Request:
    """`arguments` are schemas by name; `required` and `path_arguments` name some of them."""

    url: str = ""
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    path_arguments: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)
    schemas: Schemas = field(default_factory=Schemas)

    @classmethod
    def of(cls, method: str, path: str, item: Mapping[str, Any], operation: Mapping[str, Any]) -> "Request":
        """The request of an operation; CannotSay when a template cannot say it."""
        if "${" in path:
            raise CannotSay("its path would read as a setting")
        made = cls()
        places: dict[str, str] = {}
        for parameter in _parameters(item, operation):
            made._parameter(parameter, places)
        made.url = _PATH_PLACE.sub(lambda place: "{" + places.get(place[1], place[1]) + "}", path)
        if unfilled := {place for place in _PATH_PLACE.findall(path) if place not in places}:
            raise CannotSay(f"no parameter fills {', '.join(sorted(unfilled))}")
        if operation.get("requestBody") and method not in _READS:
            made._body(operation["requestBody"])
        elif method in _WITH_BODY:
            made.body = {}  # without a template, what is in no URL would be sent
        return made

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments, which all are known."""
        found: dict[str, Any] = {"type": "object", "properties": self.arguments}
        if self.required:
            found["required"] = list(self.required)
        found["additionalProperties"] = False
        if self.schemas.definitions:
            found["$defs"] = self.schemas.definitions
        return found

    def _parameter(self, parameter: Mapping[str, Any], places: dict[str, str]) -> None:
        where, name = str(parameter["in"]), str(parameter["name"])
        required = where == "path" or parameter.get("required") is True
        if where == "header" and name.lower() in _OF_TRANSPORT:
            return
        schema = parameter.get("schema", {})
        as_json = "schema" not in parameter and any(map(_JSON.fullmatch, parameter.get("content", {})))
        if as_json:
            schema = next(iter(parameter["content"].values())).get("schema", {})
        if unsaid := _unsaid(where, schema, required=required, as_json=as_json):
            if required:
                raise CannotSay(f"the {where} parameter {name} {unsaid}")
            self.remarks.append(f"The optional {where} parameter {name} is left out: it {unsaid}.")
            return
        argument = self._argument(name, schema, required=required, said=parameter.get("description"))
        if where == "path":
            places[name] = argument
            self.path_arguments += (argument,)
        else:
            {"query": self.query, "header": self.headers}[where][name] = "{" + argument + "}"

    def _body(self, body: Mapping[str, Any]) -> None:
        content = body.get("content", {})
        media = next((content[kind] for kind in content if _JSON.fullmatch(kind)), None)
        if media is None:
            raise CannotSay(f"its body is {' or '.join(content) or 'of no known kind'}; only JSON is sent")
        schema = media.get("schema", {})
        found, must = fields(schema), body.get("required") is True
        required = schema.get("required", []) if found is not None else []
        if found is None or (required and not must):
            argument = self._argument("body", schema, required=True)
            self.body = "{" + argument + "}"
            return
        self.body = {}
        for name, part in found.items():
            argument = self._argument(name, part, required=name in required)
            self.body[name] = "{" + argument + "}"

    def _argument(self, name: str, schema: Any, *, required: bool, said: Any = None) -> str:
        argument = names.argument(name, self.arguments)
        converted = self.schemas.converted(schema)
        if said and isinstance(converted, dict) and "description" not in converted:
            converted = {**converted, "description": " ".join(str(said).split())}
        self.arguments[argument] = converted
        if required:
            self.required += (argument,)
        return argument


def _parameters(item: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those of the path and of the operation, of which the latter's win."""
    found = {
        (parameter["in"], parameter["name"]): parameter
        for parameter in (*item.get("parameters", ()), *operation.get("parameters", ()))
    }
    yield from found.values()


def _unsaid(where: str, schema: Any, *, required: bool, as_json: bool) -> str:
    """Why a template cannot say a parameter; empty when it can."""
    if where not in {"path", "query", "header"}:
        return "is sent by no template"
    if where == "header" and not required:
        return "may be absent, and a header is always sent"
    return "" if as_json or not is_list_or_object(schema) else "is a list or an object"
