"""Settings as text for people: the reference behind `--help`, the values behind `--check-config`.

Secrets never appear: SecretStr fields print as stars, passwords inside URLs too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from focal_service_kit import config_sources, settings

_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*(?=@)|([?&]password=)[^&\s]*")
_MASK = "********"


def reference(cls: type[settings.ServiceSettings], service: str) -> str:
    """Every setting: environment name, default, meaning."""
    shared = {dotted: name for name, dotted in cls.WELL_KNOWN.items()}
    lines = []
    for path, default, field in _fields(cls):
        names = config_sources.prefix(service) + "__".join(path).upper()
        if also := shared.get(".".join(path)):
            names += f" (or {also})"
        lines += [f"  {names} = {_show(default)}", f"      {field.description or ''}"]
    return "\n".join(lines)


def effective(values: settings.ServiceSettings) -> str:
    """The settings in force as dotted keys, secrets masked."""
    return "\n".join(f"{'.'.join(path)} = {_show(value)}" for path, value, _ in _fields(type(values), values))


def _fields(
    cls: type[BaseModel], values: BaseModel | None = None, at: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object, FieldInfo]]:
    """Path, value (or default) and description of every leaf."""
    for name, field in cls.model_fields.items():
        value = (
            getattr(values, name)
            if values is not None
            else field.get_default(call_default_factory=True, validated_data={})
        )
        if isinstance(value, BaseModel):
            yield from _fields(type(value), value, (*at, name))
        else:
            yield (*at, name), value, field


def _show(value: object) -> str:
    if isinstance(value, SecretStr):
        value = _MASK if value.get_secret_value() else ""
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        value = _URL_PASSWORD.sub(lambda match: f"{match[1] or match[2]}{_MASK}", value)
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return _MASK
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
