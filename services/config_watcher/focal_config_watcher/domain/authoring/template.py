"""`templates.yaml`: prepared texts."""

from typing import Literal

from pydantic import Field

from focal_config_watcher.domain.authoring.fields import (
    GLOBAL,
    Definition,
    Language,
    OptionalText,
    Text,
)


class Template(Definition):
    """A prepared text with `{variable}` places."""

    name: OptionalText = Field("", description="name for people; the id when absent")
    text: Text = Field(description="text, with `{variable}` places")
    mode: Literal["suggest", "exclusive", "fallback"] = Field(
        "suggest",
        description="suggest (a hint to the model), exclusive (replaces the model) or "
        "fallback (sent when generation failed)",
    )
    scope: Text = Field(GLOBAL, description="`global`, a scenario, or `scenario#step`")
    translations: dict[Language, Text] = Field(
        default={}, description="the text in other languages, by ISO 639-1 code"
    )
