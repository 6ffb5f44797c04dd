"""Everything the files define, as far as it could be read, with the place of each definition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from focal_config_watcher.core.authoring import nodes
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.core.authoring.nodes import Node
from focal_config_watcher.domain.authoring.activation import Activation
from focal_config_watcher.domain.authoring.agent import Agent
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.authoring.fields import GLOBAL, Definition
from focal_config_watcher.domain.authoring.rule import Rule
from focal_config_watcher.domain.authoring.scenario import Scenario, Step
from focal_config_watcher.domain.authoring.template import Template
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.authoring.variable import Variable
from focal_config_watcher.domain.catalogue import Tier
from focal_config_watcher.domain.problem import Problem, Severity

Where = str | int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a definition is written. `shelf` names the catalogue of one that is in no file of the agent."""

    path: str
    node: Node
    shelf: str = ""

    def error(self, reason: str, message: str, *where: Where, key: bool = False) -> Problem:
        """A problem that refuses; `where` leads into the definition, `key` points at its key."""
        find = nodes.key_place if key else nodes.place
        place = find(self.node, where)
        return Problem(self.path, place.line, place.column, reason, self._said(message, where))

    def warning(self, reason: str, message: str, *where: Where) -> Problem:
        """A problem worth a look."""
        place = nodes.place(self.node, where)
        said = self._said(message, where)
        return Problem(self.path, place.line, place.column, reason, said, Severity.WARNING)

    def _said(self, message: str, where: tuple[Where, ...]) -> str:
        """Where no line can be shown, the words say what it is about."""
        if not self.shelf:
            return message
        key = f", at `{'.'.join(map(str, where))}`" if where else ""
        return f"in {self.shelf}{key}: {message}"


@dataclass(slots=True)
class Draft:
    """Definitions by id. `origins` also holds those whose shape was refused, so that a reference
    to one of them is not reported as dangling on top; `salvaged` holds what is left of them. `tiers`
    says where tools come from that no file of the agent defines.
    """

    agent: Agent | None = None
    rules: dict[str, Rule] = field(default_factory=dict)
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    tools: dict[str, Tool] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    activations: dict[str, Activation] = field(default_factory=dict)
    tiers: dict[str, Tier] = field(default_factory=dict)
    origins: dict[tuple[Kind, str], Origin] = field(default_factory=dict)
    salvaged: dict[tuple[Kind, str], Definition] = field(default_factory=dict)

    def origin(self, kind: Kind, definition_id: str) -> Origin:
        """Where a definition is written; KeyError when it is not."""
        return self.origins[kind, definition_id]

    def ids(self, kind: Kind) -> list[str]:
        """All ids that are written, well or badly shaped."""
        return [found for of, found in self.origins if of is kind]

    def has(self, kind: Kind, definition_id: str) -> bool:
        """Whether the id is written at all."""
        return (kind, definition_id) in self.origins

    def steps(self, scenario_id: str) -> list[str]:
        """Ids of a scenario's steps, also of one whose shape was refused."""
        node = self.origins[Kind.SCENARIOS, scenario_id].node
        steps = node.entries.get("steps") if isinstance(node, nodes.Mapping) else None
        return list(steps.entries) if isinstance(steps, nodes.Mapping) else []

    def all_steps(self) -> Iterator[tuple[Origin, str, Scenario, str, Step]]:
        """Origin, scenario id, scenario, step id and step of every step."""
        for scenario_id, scenario in self.scenarios.items():
            origin = self.origin(Kind.SCENARIOS, scenario_id)
            for step_id, step in scenario.steps.items():
                yield origin, scenario_id, scenario, step_id, step

    def named(self, tool_id: str) -> str:
        """A tool's name for a message, with the catalogue that it comes from."""
        tier = self.tiers.get(tool_id)
        return f"`{tool_id}` (of {SHELVES[tier]})" if tier else f"`{tool_id}`"

    def put(self, kind: Kind, definition_id: str, definition: Definition) -> None:
        """Add a well-shaped definition."""
        table: dict[str, Definition] = getattr(self, kind.value)
        table[definition_id] = definition

    def remains(self) -> "Draft":
        """A draft of only the salvaged definitions, which refers to everything that is written."""
        draft = Draft(origins=self.origins, tiers=self.tiers)
        for (kind, definition_id), definition in self.salvaged.items():
            draft.put(kind, definition_id, definition)
        return draft

    def bundle(self) -> AuthoredBundle | None:
        """The whole agent; None while there is none."""
        if self.agent is None:
            return None
        return AuthoredBundle(
            self.agent, self.rules, self.scenarios, self.templates, self.tools, self.variables, self.tiers
        )


SHAPES: Mapping[Kind, type[Definition]] = {
    Kind.AGENT: Agent,
    Kind.RULES: Rule,
    Kind.SCENARIOS: Scenario,
    Kind.TEMPLATES: Template,
    Kind.TOOLS: Tool,
    Kind.ACTIVATIONS: Activation,
    Kind.VARIABLES: Variable,
}

SHELVES = {Tier.PLATFORM: "the platform's catalogue", Tier.TENANT: "the tenant's catalogue"}

RESERVED_SCENARIO_IDS = frozenset({GLOBAL})
