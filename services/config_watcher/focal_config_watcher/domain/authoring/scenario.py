"""`scenarios/*.yaml`: courses of a conversation."""

from typing import Annotated, Literal

from pydantic import Field

from focal_config_watcher.domain.authoring.binding import Binding
from focal_config_watcher.domain.authoring.fields import (
    Definition,
    Id,
    Json,
    Many,
    OptionalText,
    Priority,
    Text,
    VariableName,
)

StepType = Literal["question", "action", "logic"]


class Transition(Definition):
    """A way from one step to another; every condition given must hold."""

    to: Id = Field(description="step it leads to")
    when: OptionalText = Field("", description="when to take it, in words; this is embedded")
    known: Many[VariableName] = Field((), description="variables that must have a value")
    equals: dict[VariableName, Json] = Field(default={}, description="values that variables must have")
    priority: Priority = Field(0, description="higher wins")


class Step(Definition):
    """One step of a scenario."""

    name: OptionalText = Field("", description="name for people; the id when absent")
    does: OptionalText = Field("", description="what the agent does here")
    type: StepType | None = Field(
        None, description="question, action or logic; told from `collects` and `tools` when absent"
    )
    collects: Many[VariableName] = Field(
        (), description="variables it collects; the first that is missing is asked for"
    )
    can_skip: bool = Field(False, description="may be skipped when all it collects is known")
    terminal: bool = Field(False, description="whether the scenario ends here")
    checkpoint: OptionalText = Field("", description="makes it a checkpoint: what it stands for")
    reachable_from_anywhere: bool = Field(
        False, description="whether any step may lead here when the customer changes course"
    )
    next: Many[Transition] = Field((), description="ways out, best first among equals")
    tools: Many[Binding] = Field((), description="tools that run here")
    templates: Many[Id] = Field((), description="templates to use here")

    def kind(self) -> StepType:
        """The type given, or the one its contents tell."""
        if self.type:
            return self.type
        if self.collects:
            return "question"
        return "action" if self.tools else "logic"


class Scenario(Definition):
    """A course of a conversation: steps and the ways between them."""

    name: OptionalText = Field("", description="name for people; the id when absent")
    description: OptionalText = Field("", description="what it is for")
    starts_when: Annotated[Many[Text], Field(min_length=1)] = Field(
        description="when to enter it, one sentence per way of saying it; the best counts"
    )
    entry: Id | None = Field(None, description="step it starts with; the first when absent")
    enabled: bool = Field(True, description="whether it is considered")
    priority: Priority = Field(0, description="among scenarios that could start, higher wins")
    steps: Annotated[dict[Id, Step], Field(min_length=1)] = Field(description="steps by id")

    def entry_step(self) -> str:
        """Id of the step it starts with."""
        return self.entry or next(iter(self.steps))
