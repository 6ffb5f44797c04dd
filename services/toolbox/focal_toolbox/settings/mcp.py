"""Provider `mcp`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from focal_service_kit import settings


class McpServer(settings.Section):
    """One server: a command that is started, or a URL. `${NAME}` in args, env, url and headers is filled."""

    command: str = Field("", description="program that speaks MCP over its standard input and output")
    args: tuple[str, ...] = Field((), description="its arguments")
    env: dict[str, str] = Field(
        default={}, description="its environment, beside PATH, HOME and the like; nothing else is inherited"
    )
    url: str = Field("", description="URL of a server that speaks streamable HTTP")
    headers: dict[str, str] = Field(default={}, description="headers of every request to `url`")
    tenants: tuple[str, ...] = Field((), description="tenants whose tools may use it; empty for all")

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either `command` or `url`")
        if (self.args or self.env) and not self.command:
            raise ValueError("`args` and `env` belong to `command`")
        if self.headers and not self.url:
            raise ValueError("`headers` belong to `url`")
        return self


class McpSettings(settings.Section):
    """Servers of the Model Context Protocol; tool definitions name them and know nothing else of them."""

    servers: dict[str, McpServer] = Field(default={}, description="servers by name")
    connect_timeout_s: float = Field(
        10, gt=0, description="seconds to start or reach a server and agree with it"
    )
    max_response_bytes: int = Field(1024 * 1024, gt=0, description="largest answer, bytes")
    sessions: int = Field(50, gt=0, description="sessions open at most")
    idle_s: float = Field(600, gt=0, description="seconds without a call after which a session may be closed")
    show_stderr: bool = Field(
        False, description="whether what servers write to their standard error goes to the toolbox's"
    )
