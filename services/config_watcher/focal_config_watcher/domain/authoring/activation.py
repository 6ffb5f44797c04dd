"""`activations.yaml`: which available tools the agent uses, and how much more carefully.

An activation only ever makes a tool stricter, because whoever defined the tool answers for what it does.
The same holds for what a tenant changes when it adopts a tool of the platform.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from focal_config_watcher.domain.authoring.fields import Definition, Json, Many, OptionalText, Text
from focal_config_watcher.domain.authoring.tool import MAX_FRESH_MS, MAX_TIMEOUT_MS, Policy, Tool

STRICTNESS: tuple[Policy, ...] = ("pure", "idempotent", "compensatable", "irreversible")
"""Policies from the one that asks least care to the one that asks most."""

DEFAULT_TIMEOUT_MS = 30_000
"""What a call may take when its tool says nothing, as the contract states it."""

LOOSER = "LOOSER_THAN_DEFINED"

Refusal = tuple[str, str, str]
"""Reason, key it is about, message."""


class Activation(Definition):
    """How one agent uses one tool. Absent keys leave the tool as it is defined."""

    enabled: bool = Field(True, description="whether the agent may call it, or only say that it exists")
    policy: Policy | None = Field(None, description="a stricter policy than the tool's own")
    business_key: Many[Text] = Field(
        (), description="arguments that identify the operation, for a policy that needs them"
    )
    confirm: OptionalText = Field("", description="asks the customer this before each call")
    timeout_ms: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_MS)] | None = Field(
        None, description="milliseconds one call may take, fewer than the tool allows"
    )
    fresh_ms: Annotated[int, Field(ge=0, le=MAX_FRESH_MS)] | None = Field(
        None, description="milliseconds a result may be used again, fewer than the tool allows"
    )


class HttpOverride(Definition):
    """Where a tenant's own instance of a provider is; what is not given stays."""

    url: OptionalText = Field("", description="URL to use instead")
    query: dict[str, str] = Field(default={}, description="query parameters to add or replace")
    headers: dict[str, str] = Field(default={}, description="headers to add or replace")


class Adoption(Activation):
    """What a tenant changes about a tool of the platform: its provider's configuration, and strictness."""

    http: HttpOverride = Field(HttpOverride(), description="changes to the HTTP request")
    config: dict[str, Json] = Field(default={}, description="keys of `config` to add or replace")


def refusals(tool: Tool, overlay: Activation) -> Iterator[Refusal]:
    """Why an overlay must not be laid over a tool; nothing when it may."""
    given = overlay.model_fields_set
    if "enabled" in given and overlay.enabled and not tool.enabled:
        yield LOOSER, "enabled", "its definition is not enabled; whoever defined it has to enable it there"
    if overlay.policy and STRICTNESS.index(overlay.policy) < STRICTNESS.index(tool.policy):
        yield LOOSER, "policy", f"the tool is {tool.policy}; {overlay.policy} would take less care of it"
    if "confirm" in given and tool.confirm and not overlay.confirm:
        yield LOOSER, "confirm", "the tool asks the customer first; it can ask otherwise, but not stop asking"
    limit = tool.timeout_ms or DEFAULT_TIMEOUT_MS
    if overlay.timeout_ms is not None and overlay.timeout_ms > limit:
        yield LOOSER, "timeout_ms", f"the tool allows {limit} ms, which can only be shortened"
    if overlay.fresh_ms is not None and overlay.fresh_ms > tool.fresh_ms:
        yield LOOSER, "fresh_ms", f"results of the tool are fresh for {tool.fresh_ms} ms and not longer"
    yield from _keys(tool, overlay)
    if isinstance(overlay, Adoption):
        yield from _configuration(tool, overlay)


def applied(tool: Tool, overlay: Activation) -> Tool:
    """The tool under an overlay that is not refused."""
    policy = overlay.policy or tool.policy
    fresh_ms = tool.fresh_ms if overlay.fresh_ms is None else overlay.fresh_ms
    changes: dict[str, Any] = {
        "enabled": tool.enabled and overlay.enabled,
        "policy": policy,
        "business_key": tool.business_key or overlay.business_key,
        "confirm": overlay.confirm or tool.confirm,
        "timeout_ms": overlay.timeout_ms or tool.timeout_ms,
        "fresh_ms": fresh_ms if policy == "pure" else 0,
    }
    if isinstance(overlay, Adoption):
        changes |= _configured(tool, overlay)
    return tool.model_copy(update={key: new for key, new in changes.items() if new != getattr(tool, key)})


def _keys(tool: Tool, overlay: Activation) -> Iterator[Refusal]:
    """A policy may need a business key or a compensation that the tool does not name."""
    if overlay.business_key and tool.business_key and overlay.business_key != tool.business_key:
        known = ", ".join(tool.business_key)
        yield LOOSER, "business_key", f"the tool's operations are told apart by {known}, for all agents alike"
    required = tool.parameters.get("required", [])
    for name in overlay.business_key:
        if not isinstance(required, list) or name not in required:
            yield "BAD_BUSINESS_KEY", "business_key", f"`{name}` is no required argument of the tool"
    acts = overlay.policy in {"compensatable", "irreversible"}
    if acts and not (tool.business_key or overlay.business_key):
        message = f"to be {overlay.policy}, add `business_key:`, the arguments that say which operation it is"
        yield "NO_BUSINESS_KEY", "policy", message
    if overlay.policy == "compensatable" and not tool.compensation:
        message = "the tool names nothing that undoes it, so it cannot be compensatable; use irreversible"
        yield "NO_COMPENSATION", "policy", message


def _configuration(tool: Tool, adoption: Adoption) -> Iterator[Refusal]:
    if "http" in adoption.model_fields_set and tool.http is None:
        yield "BAD_VALUE", "http", f"the tool's provider is {tool.provider}; change `config:` instead"
    if adoption.config and tool.http is not None:
        yield "BAD_VALUE", "config", "the tool is an HTTP request; change `http:` instead"


def _configured(tool: Tool, adoption: Adoption) -> dict[str, Any]:
    if tool.http is None:
        return {"config": {**tool.config, **adoption.config}}
    changes = {
        "url": adoption.http.url or tool.http.url,
        "query": {**tool.http.query, **adoption.http.query},
        "headers": {**tool.http.headers, **adoption.http.headers},
    }
    different = {key: new for key, new in changes.items() if new != getattr(tool.http, key)}
    return {"http": tool.http.model_copy(update=different)}
