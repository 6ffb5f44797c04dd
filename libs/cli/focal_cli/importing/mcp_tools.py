"""Tools that an MCP server lists, over stdio or streamable HTTP, by the official SDK."""

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from mcp import Client, StdioServerParameters, types
from mcp.client import streamable_http

from focal_cli.importing import names, reviewing
from focal_cli.importing.reviewing import Imported
from focal_cli.local import errors
from focal_cli.tool_files import Definition

TIMEOUT_S = 30.0
MAX_TOOLS = 1000

_LEFT_OUT = frozenset({"$schema", "$id", "$anchor", "$comment", "title"})


def stdio(command: str, environment: Sequence[str] = ()) -> StdioServerParameters:
    """A server to start; of our environment it sees what the SDK finds harmless, and the named variables."""
    words = shlex.split(command)
    if not words:
        raise errors.LocalError("the command is empty", "Write --command 'python server.py'.")
    passed = {name: secret(name) for name in environment}
    return StdioServerParameters(command=words[0], args=words[1:], env=passed)


def http(url: str, token: str = "") -> Any:
    """A server at a URL, with a bearer token if it wants one."""
    headers = {"Authorization": f"Bearer {token}"} if token else None
    # Documented there, not exported for type checkers.
    client = streamable_http.create_mcp_http_client(headers=headers)  # type: ignore[attr-defined]
    return streamable_http.streamable_http_client(url, http_client=client)


def secret(name: str) -> str:
    """The value of an environment variable; LocalError when it is not set."""
    if name not in os.environ:
        raise errors.LocalError(
            f"{name} is not set", "Set the environment variable, or leave the option out."
        )
    return os.environ[name]


async def listed(server: Any) -> tuple[str, list[types.Tool]]:
    """The server's name and all its tools; LocalError when it cannot be asked."""
    try:
        async with asyncio.timeout(TIMEOUT_S), Client(server, read_timeout_seconds=TIMEOUT_S) as client:
            found = [tool async for tool in _pages(client)]
            return client.server_info.name if client.server_info else "", found
    except errors.LocalError:
        raise
    except Exception as error:  # noqa: BLE001 - the SDK raises whatever its transport does, in groups
        raise errors.LocalError(
            f"the MCP server cannot be asked for its tools: {_root(error)}", "Check its command or address."
        ) from None


def imported(server: str, tools: Sequence[types.Tool]) -> Imported:
    """The listed tools. `server` is the name under which the toolbox's settings know the server."""
    made = Imported()
    taken: set[str] = set()
    for tool in tools:
        name = names.tool(tool.name, taken)
        if unfit := _unfit(tool):
            made.left_out.append(f"{tool.name}: {unfit}")
            continue
        made.tools.append(_tool(name, server, tool))
        taken.add(name)
    made.head = [
        f"Imported from the MCP server {server}, which the toolbox's settings have to know by that name.",
        "Hints are what the server says of itself; the protocol itself asks not to trust them.",
        *reviewing.HEAD,
        *(f"Left out: {each}" for each in made.left_out),
    ]
    return made


def policy(hints: types.ToolAnnotations | None) -> str:
    """What the hints let us believe at most; whatever is not stated counts as the worst."""
    if hints is None:
        return "irreversible"
    if hints.read_only_hint is True:
        return "pure"
    gentle = hints.destructive_hint is False and hints.idempotent_hint is True
    return "idempotent" if gentle else "irreversible"


def _tool(name: str, server: str, tool: types.Tool) -> Definition:
    schema, found = _schema(tool), policy(tool.annotations)
    key = tuple(schema.get("required", ()))
    keys = {
        "description": reviewing.description(tool.description or tool.title or "", tool.name),
        **reviewing.policy(found, key),
        "parameters": schema,
        "provider": "mcp",
        "config": {"server": server, "tool": tool.name},
    }
    return Definition(name, keys, list(_remarks(tool, found, key)))


def _remarks(tool: types.Tool, found: str, key: tuple[str, ...]) -> Iterator[str]:
    hints = tool.annotations.model_dump(exclude_none=True, exclude={"title"}) if tool.annotations else {}
    said = ", ".join(f"{hint}: {str(value).lower()}" for hint, value in hints.items()) or "none"
    yield f"MCP tool {tool.name}, hints: {said}"
    if found == "pure":
        yield "REVIEW: pure only because the server says that it reads. Does it?"
    elif found == "idempotent":
        yield "REVIEW: idempotent only because the server says that repetitions change nothing. Is that so?"
    else:
        yield "REVIEW: irreversible until you know better."
        yield from reviewing.of_key(key)


def _unfit(tool: types.Tool) -> str:
    """Why a tool cannot be one of ours; empty when it can."""
    if any(not target.startswith("#") for target in _targets(tool.input_schema)):
        return "its schema refers to other documents"
    if policy(tool.annotations) == "irreversible" and not tool.input_schema.get("required"):
        return reviewing.NO_KEY
    return ""


def _schema(tool: types.Tool) -> dict[str, Any]:
    kept = {key: value for key, value in tool.input_schema.items() if key not in _LEFT_OUT}
    return {**kept, "type": "object"}


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        target = value.get("$ref")
        if isinstance(target, str):
            yield target
        for part in value.values():
            yield from _targets(part)
    elif isinstance(value, list):
        for part in value:
            yield from _targets(part)


async def _pages(client: Client) -> AsyncIterator[types.Tool]:
    cursor, count = None, 0
    while True:
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            yield tool
        count += len(page.tools)
        cursor = page.next_cursor
        if not cursor:
            return
        if count >= MAX_TOOLS or not page.tools:
            raise errors.LocalError(f"the MCP server lists more than {MAX_TOOLS} tools", "Ask for fewer.")


def _root(error: BaseException) -> str:
    """What went wrong first, of errors in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
