"""A published bundle as the pipeline reads it: agent, rules, scenarios, templates, tools, variables.

The shapes mirror `focal.config.v1`; a bundle is complete and never changes once it is published.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


class Scope(enum.Enum):
    """Where a rule or template applies."""

    GLOBAL = "global"
    SCENARIO = "scenario"
    STEP = "step"


class SideEffect(enum.Enum):
    """What a tool does to the world; the order is the order of caution."""

    PURE = "PURE"
    IDEMPOTENT = "IDEMPOTENT"
    COMPENSATABLE = "COMPENSATABLE"
    IRREVERSIBLE = "IRREVERSIBLE"


class TemplateMode(enum.Enum):
    """How a template is used: as a hint, instead of the model, or when the model failed."""

    SUGGEST = "suggest"
    EXCLUSIVE = "exclusive"
    FALLBACK = "fallback"


class StepType(enum.Enum):
    """What kind of step it is: it asks, it does something, or it only leads on."""

    QUESTION = "question"
    ACTION = "action"
    LOGIC = "logic"


class ToolMoment(enum.Enum):
    """When a bound tool runs, relative to its step."""

    BEFORE_STEP = "before"
    DURING_STEP = "during"
    AFTER_STEP = "after"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How a call site uses models; None and empty fall back to the service's settings."""

    models: tuple[str, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """Who answers and how. `models` is by call site, with `default` for the rest."""

    agent_id: str
    name: str = ""
    system_prompt: str = ""
    default_language: str = "en"
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    error_reply: str = ""
    enabled: bool = True
    glossary: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolBinding:
    """Brings a tool into a rule or step.

    `arguments` is parsed JSON in which a text `{variable}` stands for a value; `result_variables`
    maps a variable to a path such as `order.status` in the tool's result.
    """

    tool_name: str
    when: ToolMoment = ToolMoment.DURING_STEP
    arguments: Mapping[str, Any] = field(default_factory=dict)
    required_variables: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    result_variables: Mapping[str, str] = field(default_factory=dict)
    critical: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """When something holds, do something. `scope_id` is a scenario or `scenario#step`."""

    rule_id: str
    condition_text: str = ""
    action_text: str = ""
    scope: Scope = Scope.GLOBAL
    scope_id: str = ""
    priority: int = 0
    enabled: bool = True
    max_fires_per_session: int = 0
    cooldown_turns: int = 0
    tool_bindings: tuple[ToolBinding, ...] = ()
    template_ids: tuple[str, ...] = ()
    always: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """A way out of a step; `condition_values` holds canonical JSON per variable."""

    to_step_id: str
    condition_text: str = ""
    condition_fields: tuple[str, ...] = ()
    condition_values: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scenario."""

    step_id: str
    name: str = ""
    description: str = ""
    type: StepType = StepType.LOGIC
    collects: tuple[str, ...] = ()
    is_terminal: bool = False
    is_checkpoint: bool = False
    transitions: tuple[Transition, ...] = ()
    tool_bindings: tuple[ToolBinding, ...] = ()
    template_ids: tuple[str, ...] = ()

    @property
    def set_by_tools(self) -> frozenset[str]:
        """Variables that the step's tools may set."""
        return frozenset(name for binding in self.tool_bindings for name in binding.result_variables)


@dataclass(frozen=True)
class Scenario:
    """A course of a conversation: steps and the ways between them."""

    scenario_id: str
    name: str = ""
    description: str = ""
    entry_conditions: tuple[str, ...] = ()
    entry_step_id: str = ""
    steps: tuple[Step, ...] = ()
    enabled: bool = True
    priority: int = 0

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        """Steps by id."""
        return {step.step_id: step for step in self.steps}


@dataclass(frozen=True, slots=True)
class Template:
    """A prepared text with `{variable}` places; `translations` is by ISO 639-1 code."""

    template_id: str
    text: str = ""
    mode: TemplateMode = TemplateMode.SUGGEST
    scope: Scope = Scope.GLOBAL
    scope_id: str = ""
    translations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the bundle defines it; `parameter_schema` is its JSON Schema, parsed."""

    name: str
    description: str = ""
    policy: SideEffect = SideEffect.IRREVERSIBLE
    parameter_schema: Mapping[str, Any] = field(default_factory=dict)
    business_key_fields: tuple[str, ...] = ()
    timeout_s: float | None = None
    enabled: bool = True
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that the agent works with. `synonyms` pairs a value with the words that mean it;
    `allowed_values` holds canonical JSON.
    """

    name: str
    type: str = "string"
    description: str = ""
    prompt: str = ""
    pattern: str = ""
    synonyms: tuple[tuple[Any, tuple[str, ...]], ...] = ()
    allowed_values: frozenset[str] = frozenset()
    scenario_scoped: bool = False
    only_when_asked: bool = False
    pii: bool = False


@dataclass(frozen=True, slots=True)
class LexicalIndex:
    """BM25 postings in compressed sparse rows, as little-endian bytes (see the contract)."""

    terms: tuple[str, ...] = ()
    offsets: bytes = b""
    documents: bytes = b""
    weights: bytes = b""
    document_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """One version of one agent; `vectors` are little-endian float32 rows named by `vector_keys`."""

    tenant_id: str
    agent: Agent
    version: int
    rules: tuple[Rule, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    templates: tuple[Template, ...] = ()
    tools: tuple[Tool, ...] = ()
    variables: tuple[Variable, ...] = ()
    embedding_model: str = ""
    embedding_dimensions: int = 0
    vector_keys: tuple[str, ...] = ()
    vectors: bytes = b""
    lexical: LexicalIndex = LexicalIndex()


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version of an agent is current."""

    tenant_id: str
    agent_id: str
    version: int
