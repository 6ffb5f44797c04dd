"""A whole agent, read and found free of errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focal_config_watcher.domain.authoring.agent import Agent
from focal_config_watcher.domain.authoring.rule import Rule
from focal_config_watcher.domain.authoring.scenario import Scenario
from focal_config_watcher.domain.authoring.template import Template
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.authoring.variable import Variable
from focal_config_watcher.domain.catalogue import Tier


@dataclass(frozen=True)
class AuthoredBundle:
    """The definitions of one agent by id."""

    agent: Agent
    rules: Mapping[str, Rule]
    scenarios: Mapping[str, Scenario]
    templates: Mapping[str, Template]
    tools: Mapping[str, Tool]
    variables: Mapping[str, Variable]
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    """Where tools come from that the agent does not define itself."""
