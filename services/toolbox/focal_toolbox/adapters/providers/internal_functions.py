"""Finds the functions that the operator named, before the process serves."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib import metadata

from focal_kernel.tools import Function, Registry
from focal_service_kit.config_sources import ConfigError

GROUP = "focal.tools"


def load(packages: Iterable[str]) -> Mapping[str, Function]:
    """Functions by name; ConfigError that lists every package that cannot be used."""
    found: dict[str, Function] = {}
    problems: list[str] = []
    for package in packages:
        try:
            _add(found, _registry(package))
        except Exception as failure:  # noqa: BLE001 - importing somebody's module may raise anything
            problems.append(f"internal.packages: {package!r}: {_told(failure)}")
    if problems:
        raise ConfigError(problems)
    return found


def _registry(package: str) -> Registry:
    registry = _entry(package) if ":" not in package else _attribute(package)
    if not isinstance(registry, Registry):
        raise _Unusable("is no focal_kernel.tools.Registry")
    return registry


def _entry(name: str) -> object:
    """What the one installed entry point of this name leads to."""
    entries = metadata.entry_points(group=GROUP, name=name)
    if not entries:
        raise _Unusable(f"no installed package has an entry point of this name in the group {GROUP}")
    if len({entry.value for entry in entries}) > 1:
        raise _Unusable("several installed packages have an entry point of this name")
    return next(iter(entries)).load()


def _attribute(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _add(found: dict[str, Function], registry: Registry) -> None:
    for function in registry:
        if function.name in found:
            raise _Unusable(f"another package has a function {function.name!r}, too")
        found[function.name] = function


class _Unusable(Exception):
    """Says what is wrong with a package."""


def _told(failure: Exception) -> str:
    if isinstance(failure, _Unusable):
        return str(failure)
    return f"cannot be imported: {type(failure).__name__}: {failure}"
