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

Policy = Literal["pure", "idempotent", "compensatable", "irreversible"]
Provider = Literal["internal", "grpc", "mcp"]

MAX_TIMEOUT_MS = 600_000


class HttpRequest(Definition):
    """One HTTP request; `{argument}` places are filled from the arguments, `${NAME}` by settings."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "GET", description="HTTP method, in capitals"
    )
    url: Text = Field(description="URL, e.g. ${ORDER_SERVICE_URL}/orders/{order_id}")
    query: dict[str, str] = Field(default={}, description="query parameters to add")
    headers: dict[str, str] = Field(default={}, description="headers to send")
    body: Json = Field(
        None, description="JSON body to send; when absent, the arguments that the URL does not use"
    )


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
    provider: Provider | None = Field(None, description="another provider: internal, grpc or mcp")
    config: dict[str, Json] = Field(default={}, description="configuration of `provider`")
    compensation: Id | None = Field(None, description="tool that undoes it")
    compensation_arguments: dict[str, str] = Field(
        default={},
        description="where arguments of `compensation` come from: arguments.order_id or result.hold.id;"
        " arguments of the same name are handed over",
    )
    confirm: OptionalText = Field("", description="asks the customer this before each call")
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

    def acts(self) -> bool:
        """Whether a call must be known by a business key."""
        return self.policy in ("compensatable", "irreversible")
