"""What becomes of the tools that an MCP server lists; the server is a real one, over stdio."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import types

from focal_cli.importing import mcp_tools
from focal_cli.local import errors, ports
from tests.fakes.until import until

SERVER = f"{sys.executable} {Path(__file__).parents[3] / 'doubles' / 'mcp_notes.py'}"


@pytest.mark.parametrize("destructive", [None, True, False])
@pytest.mark.parametrize("idempotent", [None, True, False])
@pytest.mark.parametrize("reads", [None, True, False])
def test_hints_are_believed_no_further_than_they_go(
    reads: bool | None, destructive: bool | None, idempotent: bool | None
) -> None:
    hints = types.ToolAnnotations(
        read_only_hint=reads, destructive_hint=destructive, idempotent_hint=idempotent
    )
    expected = "irreversible"
    if reads:
        expected = "pure"
    elif destructive is False and idempotent is True:
        expected = "idempotent"
    assert mcp_tools.policy(hints) == expected


def test_a_tool_without_hints_is_irreversible() -> None:
    assert mcp_tools.policy(None) == "irreversible"


async def test_a_real_servers_tools_wait_for_a_person_unless_they_read() -> None:
    name, listed = await mcp_tools.listed(mcp_tools.stdio(SERVER))
    made = mcp_tools.imported(name, listed)
    tools: dict[str, Any] = {tool.name: tool.keys for tool in made.tools}
    assert {tool: (keys["policy"], keys.get("enabled", True)) for tool, keys in tools.items()} == {
        "find_notes": ("pure", True),
        "mark_read": ("idempotent", False),
        "notes_delete": ("irreversible", False),
        "add_note": ("irreversible", False),
    }
    assert tools["notes_delete"]["config"] == {"server": "notes", "tool": "notes.delete"}
    assert tools["notes_delete"]["business_key"] == ["note"]
    assert made.left_out[0].startswith("shuffle:")


async def test_a_server_is_asked_over_http_too() -> None:
    (port,) = ports.choose()
    process = await asyncio.create_subprocess_exec(
        *SERVER.split(), str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: listens(port), "the server listens", timeout_s=20)
        name, listed = await mcp_tools.listed(mcp_tools.http(f"http://127.0.0.1:{port}/mcp", "a-token"))
    finally:
        process.terminate()
        await process.wait()
    assert (name, len(listed)) == ("notes", 5)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_server_that_is_none_is_explained() -> None:
    with pytest.raises(errors.LocalError, match="cannot be asked"):
        await mcp_tools.listed(mcp_tools.stdio(f"{sys.executable} -c pass"))
    with pytest.raises(errors.LocalError, match="NOWHERE_SET is not set"):
        mcp_tools.stdio(SERVER, ["NOWHERE_SET"])
    with pytest.raises(errors.LocalError, match="the command is empty"):
        mcp_tools.stdio(" ")
