"""`config:` of a tool, by the provider that it names."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from focal_config_watcher.domain.authoring.fields import Definition, Id, Json, OptionalText, Text


class InternalConfig(Definition):
    """A Python function of a package that the toolbox is set to load."""

    function: Text = Field(description="name under which the function is registered")


class GrpcConfig(Definition):
    """A unary method of a gRPC service."""

    url: Annotated[Text, Field(pattern=r"^(grpcs?://|\$\{)[^{}\s]+")] = Field(
        description="grpc://host:port, grpcs://host:port for TLS, or ${NAME} of the toolbox's settings"
    )
    method: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        description="the method, e.g. acme.shop.v1.Orders/Refund"
    )
    metadata: dict[Annotated[str, Field(pattern=r"^[0-9a-z_.-]+$")], str] = Field(
        default={}, description="metadata to send"
    )
    request: Json = Field(None, description="the request in JSON; when absent, all arguments")
    descriptor_set: OptionalText = Field(
        "", description="name of a descriptor set in the toolbox's settings; when absent, reflection is used"
    )
    descriptors: OptionalText = Field("", description="a FileDescriptorSet in base64")

    @model_validator(mode="after")
    def _one_description(self) -> "GrpcConfig":
        if self.descriptor_set and self.descriptors:
            raise ValueError("give either `descriptor_set` or `descriptors`")
        return self


class QueueConfig(Definition):
    """What a tool of the provider `queue` says."""

    queue: Id | None = Field(None, description="the tenant's queue; the tool's name when absent")


class McpConfig(Definition):
    """A tool of an MCP server."""

    server: Id = Field(description="name of the server in the toolbox's settings")
    tool: Text = Field(description="the tool, as the server calls it")
    arguments: Json = Field(None, description="its arguments; when absent, all arguments")
    errors: Literal["unknown", "refused"] = Field(
        "unknown", description="whether an error result means that nothing happened: unknown or refused"
    )


KINDS: Mapping[str, type[Definition]] = {
    "internal": InternalConfig,
    "grpc": GrpcConfig,
    "queue": QueueConfig,
    "mcp": McpConfig,
}
