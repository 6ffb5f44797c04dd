"""Reads settings: defaults, then the TOML file, then the environment; later ones win key by key.

The TOML file is named by FOCAL_CONFIG and holds one table per service beside `[common]`. The
environment spells a key `FOCAL_<SERVICE>__<SECTION>__<FIELD>`; lists and maps are given as JSON.
Every key that no setting answers to is reported at once, by name.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from focal_service_kit import settings

S = TypeVar("S", bound=settings.ServiceSettings)
Values = dict[str, Any]

FILE_VARIABLE = "FOCAL_CONFIG"
COMMON_TABLE = "common"
TABLES = {COMMON_TABLE, "turn_gateway", "pipeline", "toolbox", "memory", "config_watcher"}
"""Tables that a file shared by all services may hold, so that a misspelt one is noticed."""


class ConfigError(Exception):
    """The settings cannot be used; `problems` names each offending key and says why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load(cls: type[S], service: str, environ: Mapping[str, str]) -> S:
    """The effective settings of `service`; raises ConfigError naming everything that is wrong."""
    document = _document(environ)
    problems = [
        f"[{name}]: no such table in {environ[FILE_VARIABLE]}"
        for name in document.keys() - TABLES - {service}
    ]
    values = _defaults(cls)
    for layer in (_from_file(cls, service, document), _from_environ(cls, service, environ)):
        problems += _unknown(cls, layer)
        _merge(values, {key: value for key, value in layer.items() if key in cls.model_fields})
    try:
        chosen = cls.model_validate(values)
    except ValidationError as error:
        problems += [_describe(item) for item in error.errors() if item["type"] != "extra_forbidden"]
    if problems:
        raise ConfigError(sorted(set(problems)))
    return chosen


def prefix(service: str) -> str:
    """The start of every environment name of `service`, e.g. `FOCAL_TOOLBOX__`."""
    return f"FOCAL_{service.upper()}__"


def _document(environ: Mapping[str, str]) -> Values:
    path = environ.get(FILE_VARIABLE)
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"{FILE_VARIABLE}={path}: {error}"]) from None


def _from_file(cls: type[BaseModel], service: str, document: Values) -> Values:
    common = document.get(COMMON_TABLE, {})
    absent_here = settings.SHARED_SECTIONS - cls.model_fields.keys()
    merged = {key: value for key, value in common.items() if key not in absent_here}
    _merge(merged, document.get(service, {}))
    return merged


def _from_environ(cls: type[settings.ServiceSettings], service: str, environ: Mapping[str, str]) -> Values:
    values: Values = {}
    for name, dotted in cls.WELL_KNOWN.items():
        path = dotted.split(".")
        if name in environ and _find(cls, path) is not None:
            _put(values, path, environ[name])
    start = prefix(service)
    for name, text in sorted(environ.items()):
        if name.upper().startswith(start):
            path = name[len(start) :].lower().split("__")
            _put(values, path, _parse(_find(cls, path), text))
    return values


def _parse(annotation: object, text: str) -> object:
    """JSON for lists and maps; everything else is left to pydantic, which reads text well."""
    if get_origin(annotation) not in (list, tuple, dict, set, frozenset):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _find(cls: type[BaseModel], path: list[str]) -> object | None:
    """The annotation of the setting at `path`, or None when there is none."""
    field = cls.model_fields.get(path[0])
    if field is None:
        return None
    if len(path) == 1:
        return field.annotation
    if (section := _model(field.annotation)) is not None:
        return _find(section, path[1:])
    return str if get_origin(field.annotation) is dict else None


def _unknown(cls: type[BaseModel], values: Values, at: str = "") -> Iterator[str]:
    for key, value in values.items():
        field = cls.model_fields.get(key)
        if field is None:
            yield f"{at}{key}: no such setting"
        elif (section := _model(field.annotation)) is not None and isinstance(value, dict):
            yield from _unknown(section, value, f"{at}{key}.")


def _defaults(cls: type[BaseModel]) -> Values:
    """Defaults of nested sections as dictionaries, so that one key can be overridden alone."""
    return {
        name: field.default.model_dump()
        for name, field in cls.model_fields.items()
        if isinstance(field.default, BaseModel)
    }


def _merge(into: Values, layer: Values) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _put(values: Values, path: list[str], value: object) -> None:
    at = values
    for key in path[:-1]:
        at = at.setdefault(key, {})
        if not isinstance(at, dict):
            raise ConfigError([f"{'.'.join(path)}: {key} is set as a whole, too"])
    at[path[-1]] = value


def _model(annotation: object) -> type[BaseModel] | None:
    """The section class behind an annotation, or None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _describe(item: Any) -> str:
    return f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
