"""Arguments that one tool's call hands over to another: to what undoes it, or tells what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from focal_config_watcher.core.authoring.checks import naming, schemas
from focal_config_watcher.core.authoring.draft import Origin, Where
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem


@dataclass(frozen=True)
class HandedOver:
    """What a call of `tool` gives to one of `taker`. `named`, written at `where`, says where arguments come
    from; only `sources` are known then. `reason` and `hint` tell of other sources.
    """

    tool: Tool
    taker: Tool
    taker_name: str
    named: Mapping[str, str]
    where: tuple[Where, ...]
    named_at: tuple[Where, ...]
    sources: tuple[str, ...]
    reason: str
    hint: str


def check(origin: Origin, given: HandedOver) -> Iterator[Problem]:
    """Arguments that nobody takes, that come from nowhere, that are lacking; none while a schema is wrong."""
    if not (schemas.sound(given.tool) and schemas.sound(given.taker)):
        return
    own, taken = given.tool.argument_names(), given.taker.argument_names()
    for name, path in given.named.items():
        source, _, rest = path.partition(".")
        where = (*given.where, name)
        if name not in taken:
            message = naming.missing(f"argument of `{given.taker_name}`", name, taken)
            yield origin.error("UNKNOWN_ARGUMENT", message, *where, key=True)
        elif source not in given.sources or not rest or (source == "effect" and rest != "key"):
            yield origin.error(given.reason, f"write where it comes from: {given.hint}", *where)
        elif source == "arguments" and rest.partition(".")[0] not in own:
            message = naming.missing("argument of this tool", rest.partition(".")[0], own)
            yield origin.error("UNKNOWN_ARGUMENT", message, *where)
    required = given.taker.parameters.get("required", [])
    for name in required if isinstance(required, list) else []:
        if name not in own and name not in given.named:
            message = (
                f"`{given.taker_name}` needs `{name}` and this tool has no such argument; say where it"
                f" comes from: `{given.where[-1]}: {{{name}: {given.sources[-1]}.…}}`"
            )
            yield origin.error("MISSING_ARGUMENT", message, *given.named_at)
