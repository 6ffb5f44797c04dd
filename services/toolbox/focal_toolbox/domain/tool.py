"""A tool as a published bundle defines it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from focal_toolbox.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Tool:
    """Definition of one tool.

    `schema_json` and `provider_config_json` are canonical JSON, `timeout_s` is the limit of one
    request in seconds or None for the service's default. `compensation` names the tool that undoes it,
    `compensation_arguments` where that one's arguments come from, beyond those of the same name.
    """

    name: str
    description: str = ""
    policy: Policy = Policy.IRREVERSIBLE
    schema_json: str = ""
    business_key_fields: tuple[str, ...] = ()
    provider: str = "http"
    provider_config_json: str = "{}"
    requires_confirmation: bool = False
    timeout_s: float | None = None
    enabled: bool = True
    compensation: str = ""
    compensation_arguments: Mapping[str, str] = field(default_factory=dict)
