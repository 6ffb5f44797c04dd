"""A tool as a published bundle defines it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from focal_toolbox.domain.policy import Policy


class Tier(enum.StrEnum):
    """Where a definition comes from."""

    PLATFORM = "PLATFORM"
    TENANT = "TENANT"
    AGENT = "AGENT"


@dataclass(frozen=True, slots=True)
class Check:
    """How to learn what became of a call in doubt: a PURE tool, where its arguments come from (those of the
    call, or `effect.key`), and a JMESPath over its result that is truthy when the call took effect.
    """

    tool_name: str
    happened: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """Definition of one tool.

    `schema_json` and `provider_config_json` are canonical JSON, `timeout_s` is the limit of one
    request in seconds or None for the service's default. `compensation` names the tool that undoes it,
    `compensation_arguments` where that one's arguments come from, beyond those of the same name.
    `fresh_s`: seconds for which a result may be used again. `report_within_s`: seconds an asynchronous
    one has to report, None for the service's default.
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
    check: Check | None = None
    confirmation_prompt: str = ""
    categories: tuple[str, ...] = ()
    tier: Tier = Tier.AGENT
    fresh_s: float = 0.0
    asynchronous: bool = False
    report_within_s: float | None = None
