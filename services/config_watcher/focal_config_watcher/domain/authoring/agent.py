"""`agent.yaml`: who answers and how."""

from typing import Annotated

from pydantic import Field

from focal_config_watcher.domain.authoring.fields import (
    Count,
    Definition,
    Id,
    Language,
    Many,
    Number,
    OptionalText,
    Text,
)

MAX_GLOSSARY_TERMS = 50


class ModelSettings(Definition):
    """How one call site uses language models."""

    models: Many[Text] = Field((), description="models in the order they are tried")
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = Field(
        None, description="0 to 2; the service's default when absent"
    )
    max_tokens: Count = Field(0, description="most tokens to write; 0 for the service's default")
    timeout_ms: Count = Field(0, description="milliseconds one call may take; 0 for the default")


class Agent(Definition):
    """Who answers and how."""

    id: Id = Field(description="id that callers address")
    name: Text = Field(description="name for people")
    description: OptionalText = Field("", description="what the agent is for")
    system_prompt: Text = Field(description="instructions that open every prompt")
    language: Language = Field(
        "en", description="language to answer in when the customer's is unknown, ISO 639-1"
    )
    models: dict[Id, ModelSettings] = Field(
        default={}, description="models per call site; `default` covers the rest"
    )
    error_reply: Text = Field(
        "Sorry, something went wrong on our side. Please try again in a moment.",
        description="answer when everything else failed",
    )
    enabled: bool = Field(True, description="whether the agent answers at all")
    glossary: Annotated[dict[Text, Text], Field(max_length=MAX_GLOSSARY_TERMS)] = Field(
        default={}, description="terms with their meaning, at most 50"
    )
