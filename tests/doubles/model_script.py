"""What the model double shall answer, and when: replies, faults, and the script that picks them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Plain):
    """One call the model asks for; `arguments` is sent as it is, so it may be broken on purpose."""

    name: str
    arguments: str = "{}"


class Fault(_Plain):
    """How an answer goes wrong; combine at will."""

    status: int | None = None
    """Answer with this HTTP status and an error body instead."""
    retry_after_s: float | None = None
    """Retry-After header beside `status`."""
    body: str | None = None
    """Send this text with status 200 instead of an answer, such as broken JSON."""
    hang: bool = False
    """Never answer; the connection stays open until the client leaves."""
    first_token_delay_s: float = 0.0
    token_delay_s: float = 0.0
    cut_after: int | None = None
    """Close the connection after this many stream events, or in the middle of a whole answer."""


class Reply(_Plain):
    """One answer of the model."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    """Default: tool_calls when there are any, else stop."""
    fault: Fault = Fault()


class Line(_Plain):
    """One line of a script: the reply to the next `times` requests (None: all) whose prompt holds
    `when`.
    """

    reply: Reply
    when: str = ""
    times: int | None = 1


@dataclass(frozen=True)
class Asked:
    """One request as the double saw it."""

    path: str
    model: str
    prompt: str
    """All message contents, or all texts to embed, joined by newlines."""
    stream: bool = False
    body: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def last_user_text(self) -> str:
        texts = [_text(m) for m in self.body.get("messages", []) if m.get("role") == "user"]
        return texts[-1] if texts else ""


Rule = Callable[[Asked], Reply | None]


class Script:
    """Lines are tried in the order they were added, then the rule; whoever matches first
    answers.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._rule: Rule | None = None

    def add(self, reply: Reply | str, *, when: str = "", times: int | None = 1) -> None:
        """Appends a line; a text is a plain reply."""
        reply = Reply(text=reply) if isinstance(reply, str) else reply
        self.append(Line(reply=reply, when=when, times=times))

    def append(self, line: Line) -> None:
        self._lines.append(line)

    def answer_by(self, rule: Rule | None) -> None:
        """Asks `rule` when no line matches; it may return None to leave the default answer."""
        self._rule = rule

    def clear(self) -> None:
        self._lines.clear()
        self._rule = None

    def next(self, asked: Asked) -> Reply | None:
        """The reply for this request, or None for the double's default."""
        for i, line in enumerate(self._lines):
            if line.when in asked.prompt:
                self._use(i, line)
                return line.reply
        return self._rule(asked) if self._rule else None

    def _use(self, i: int, line: Line) -> None:
        if line.times is None:
            return
        if line.times > 1:
            self._lines[i] = line.model_copy(update={"times": line.times - 1})
        else:
            del self._lines[i]


def prompt_of(messages: list[dict[str, Any]]) -> str:
    """The contents of all messages, joined by newlines."""
    return "\n".join(map(_text, messages))


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)
