"""What the end of an MCP tool call says about the world."""

from __future__ import annotations

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, METHOD_NOT_FOUND, REQUEST_TIMEOUT, CallToolResult

from focal_kernel import canonical_json
from focal_toolbox.adapters.providers import http_answer
from focal_toolbox.adapters.providers.mcp_wire import Wire
from focal_toolbox.domain.answer import Answer, Verdict

_REFUSALS = {METHOD_NOT_FOUND: "unknown_method", INVALID_PARAMS: "invalid_params"}
_SESSION_ENDED = 404


def of_result(result: CallToolResult, limit: int, *, errors_refuse: bool) -> Answer:
    """The server's own result. `isError` says that the tool failed, and not whether it did something
    before: servers make it of any exception. `errors_refuse` is the definition's word that it did not.
    """
    if result.is_error:
        return Answer(
            Verdict.UNCHANGED if errors_refuse else Verdict.UNKNOWN,
            reason="tool_error",
            message="the server says that its tool failed",
        )
    try:
        text = canonical_json.dumps(_value(result))
    except ValueError:
        return Answer(Verdict.UNKNOWN, reason="invalid_response", message="the tool's result is no JSON")
    return http_answer.too_large(limit) if len(text.encode()) > limit else Answer(Verdict.DONE, text)


def of_error(error: MCPError, wire: Wire, limit: int) -> Answer:
    """A JSON-RPC error, or what the SDK makes of a transport that failed."""
    if not wire.sent:
        return unreachable()
    if wire.too_large:
        return http_answer.too_large(limit)
    if wire.broken or error.code == CONNECTION_CLOSED:
        return http_answer.broken("connection_lost", "the connection broke", sent=True)
    return _of_status(wire.status) if wire.status >= 400 else _of_code(error.code)


def _of_status(status: int) -> Answer:
    """As HTTP's own; but 404 is how a server says that it has no such session."""
    if status == _SESSION_ENDED:
        message = "the MCP server does not know the session any more"
        return Answer(Verdict.UNCHANGED, reason="session_ended", message=message, transient=True)
    return http_answer.failure(status, b"")


def _of_code(code: int) -> Answer:
    if code in _REFUSALS:
        return Answer(Verdict.UNCHANGED, reason=_REFUSALS[code], message="the server refused the request")
    if code == REQUEST_TIMEOUT:
        return late(sent=True)
    return Answer(Verdict.UNKNOWN, reason="mcp_error", message="the MCP server answered with an error")


def ends_session(answer: Answer) -> bool:
    """Whether the next call had better have a new session."""
    return answer.reason in {"connection_lost", "session_ended", "http_401", "http_403"}


def unreachable() -> Answer:
    """No connection was made."""
    return http_answer.broken("unreachable", "the MCP server cannot be reached", sent=False)


def busy() -> Answer:
    """No session was free."""
    message = "as many MCP sessions as may be are in use, so nothing was sent"
    return Answer(Verdict.UNCHANGED, reason="busy", message=message, transient=True)


def late(*, sent: bool) -> Answer:
    """No answer in time."""
    return http_answer.broken("timeout", "the MCP server did not answer in time", sent=sent)


def unreadable() -> Answer:
    """A result that breaks the protocol, or the tool's own output schema."""
    message = "the MCP server's answer is not what it promised"
    return Answer(Verdict.UNKNOWN, reason="invalid_response", message=message)


def _value(result: CallToolResult) -> Any:
    """Structured content; else the JSON that the text is; else the text, and which kinds were left out."""
    if result.structured_content is not None:
        return result.structured_content
    texts = [block.text for block in result.content if block.type == "text"]
    others = sorted({block.type for block in result.content} - {"text"})
    text = "\n".join(texts)
    if others:
        return {"text": text, "left_out": others}
    try:
        return canonical_json.loads(text)
    except ValueError:
        return {"text": text}
