"""A real MCP server by the official SDK: notes, with every kind of hint.

It speaks over stdio, or over streamable HTTP at `/mcp` of the port that it is given.
"""

import json
import os
import sys

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("notes")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def find_notes(words: str, most: int = 5) -> str:
    """Finds notes by their words."""
    return json.dumps({"words": words, "most": most})


@server.tool(annotations=ToolAnnotations(destructive_hint=False, idempotent_hint=True))
def mark_read(note: str) -> str:
    """Marks a note as read."""
    return note


@server.tool(name="notes.delete", annotations=ToolAnnotations(destructive_hint=True, idempotent_hint=True))
def delete_note(note: str, reason: str = "") -> str:
    """Deletes a note."""
    return f"{note} {reason}"


@server.tool()
def add_note(text: str) -> str:
    """Adds a note: true
    # not a comment
    """
    return text


@server.tool()
def shuffle() -> str:
    """Puts the notes in another order."""
    return os.environ.get("NOTES_ORDER", "")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
