"""`rules.yaml`: when something holds, do something."""

from pydantic import Field, model_validator

from focal_config_watcher.domain.authoring.binding import Binding
from focal_config_watcher.domain.authoring.fields import (
    GLOBAL,
    Count,
    Definition,
    Id,
    Many,
    OptionalText,
    Priority,
    Text,
)


class Rule(Definition):
    """When something holds, do something."""

    name: OptionalText = Field("", description="name for people; the id when absent")
    when: OptionalText = Field(
        "", description="when it applies, in the words a customer would use; this is embedded"
    )
    then: Text = Field(description="what to do then, in words")
    scope: Text = Field(GLOBAL, description="`global`, a scenario, or `scenario#step`")
    priority: Priority = Field(0, description="-100 to 100; higher wins")
    enabled: bool = Field(True, description="whether it is considered")
    always: bool = Field(False, description="applies on every turn in its scope, unscored")
    max_fires: Count = Field(0, description="most fires per session; 0 for no limit")
    cooldown_turns: Count = Field(0, description="turns to wait after a fire")
    hard: bool = Field(False, description="whether a reply that breaks it must not be sent")
    must_hold: OptionalText = Field("", description="expression that a reply must satisfy")
    tools: Many[Binding] = Field((), description="tools it brings along")
    templates: Many[Id] = Field((), description="templates it brings along")

    @model_validator(mode="after")
    def _applies_somehow(self) -> "Rule":
        if self.always == bool(self.when):
            raise ValueError("give either `when`, in words, or `always: true`")
        return self
