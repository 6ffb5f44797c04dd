"""`tools.yaml`: what the agent may call."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from focal_config_watcher.domain.authoring.fields import (
    Definition,
    Id,
    Json,
    Many,
    OptionalText,
    Text,
)
from focal_config_watcher.domain.authoring.http_request import HttpRequest

Policy = Literal["pure", "idempotent", "compensatable", "irreversible"]
Provider = Literal["internal", "grpc", "mcp", "queue"]

MAX_TIMEOUT_MS = 600_000
MAX_FRESH_MS = 24 * 3_600_000
MAX_REPORT_MS = 30 * 24 * 3_600_000


class Check(Definition):
    """Asks what became of a call that may have happened."""

    tool: Id = Field(description="the pure tool that tells")
    arguments: dict[str, str] = Field(
        default={},
        description="where its arguments come from: arguments.order_id, or effect.key, the idempotency key"
        " that the call was sent with; arguments of the same name are handed over",
    )
    happened: Text = Field(description="JMESPath over its result, true when the call took effect")


class Tool(Definition):
    """Something the agent may call."""

    description: Text = Field(description="what it does, for the model and for people")
    policy: Policy = Field(
        description="what it does to the world: pure, idempotent, compensatable or irreversible"
    )
    parameters: dict[str, Json] = Field(
        default={"type": "object", "properties": {}},
        description="JSON Schema 2020-12 of its arguments",
    )
    business_key: Many[Text] = Field(
        (), description="arguments that identify the business operation, e.g. [order_id]"
    )
    http: HttpRequest | None = Field(None, description="the HTTP request it stands for")
    provider: Provider | None = Field(None, description="another provider: internal, grpc, mcp or queue")
    config: dict[str, Json] = Field(default={}, description="configuration of `provider`")
    compensation: Id | None = Field(None, description="tool that undoes it")
    compensation_arguments: dict[str, str] = Field(
        default={},
        description="where arguments of `compensation` come from: arguments.order_id or result.hold.id;"
        " arguments of the same name are handed over",
    )
    check: Check | None = Field(None, description="how to learn what became of a call that is in doubt")
    confirm: OptionalText = Field(
        "", description="asks the customer this before each call; `{argument}` places are filled from it"
    )
    fresh_ms: Annotated[int, Field(ge=0, le=MAX_FRESH_MS)] = Field(
        0, description="milliseconds for which the result of a pure call may be used again; 0 for never"
    )
    asynchronous: bool = Field(
        False, description="whether the provider answers at once and reports the result later"
    )
    report_within_ms: Annotated[int, Field(ge=0, le=MAX_REPORT_MS)] = Field(
        0, description="milliseconds within which it has to report; 0 for the toolbox's default"
    )
    timeout_ms: Annotated[int, Field(ge=0, le=MAX_TIMEOUT_MS)] = Field(
        0, description="milliseconds one call may take; 0 for the toolbox's default"
    )
    enabled: bool = Field(True, description="whether the agent may call it")
    categories: Many[Text] = Field((), description="words that group tools")

    @model_validator(mode="after")
    def _one_provider(self) -> "Tool":
        if (self.http is None) == (self.provider is None):
            raise ValueError("give either `http: {method, url}` or `provider:` with `config:`")
        return self

    @model_validator(mode="after")
    def _fitting_policy(self) -> "Tool":
        if self.fresh_ms and self.policy != "pure":
            raise ValueError("only what a pure tool read can be used again: leave `fresh_ms` out")
        if self.asynchronous and self.policy == "pure":
            raise ValueError("a pure tool answers at once: leave `asynchronous` out, or state what it does")
        if self.asynchronous and self.provider not in (None, "queue"):
            raise ValueError("only `http` and `queue` hand over the token that a later report needs")
        if self.provider == "queue" and not self.asynchronous:
            raise ValueError("what goes through a queue is answered later: say `asynchronous: true`")
        if self.http and self.http.redirects and (self.policy != "pure" or not self.http.reads()):
            raise ValueError("only GET and HEAD of a pure tool follow redirects: leave `redirects` out")
        if self.report_within_ms and not self.asynchronous:
            raise ValueError("`report_within_ms` belongs to `asynchronous: true`")
        return self

    def acts(self) -> bool:
        """Whether a call must be known by a business key."""
        return self.policy in ("compensatable", "irreversible")

    def argument_names(self) -> list[str]:
        """Arguments that its schema names."""
        found = self.parameters.get("properties", {})
        return list(found) if isinstance(found, dict) else []
