"""A conversation between a person at standard input and an agent.

Typing and reading go on side by side, because a person may write again before the reply is there;
what then happens to the turn is the mesh's business, and worth seeing.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from typing import Protocol

from rich.markup import escape

from focal.turn.v1 import event_pb2
from focal_cli import frames, render
from focal_client import (
    CallFailed,
    Conversation,
    Event,
    Frame,
    Question,
    Reply,
    TextDelta,
    TextReset,
    question,
)

PROMPT = "you> "
ANSWERS = {"/yes": True, "/no": False}
"""Lines that answer a question otherwise than in words."""

_FATES = {
    event_pb2.SUPERSEDE_ACTION_SUPERSEDE: "replaces this turn",
    event_pb2.SUPERSEDE_ACTION_ABSORB: "joins this turn",
    event_pb2.SUPERSEDE_ACTION_QUEUE: "waits for the next turn",
    event_pb2.SUPERSEDE_ACTION_FORCE_COMPLETE: "waits for the next turn",
}


class Screen(Protocol):
    """Where a conversation is shown."""

    def invite(self) -> None:
        """The person may write."""

    def show(self, frame: Frame) -> None:
        """Something came from the agent."""

    def refuse(self, failure: CallFailed) -> None:
        """A message was refused."""


class JsonScreen:
    """One JSON object per frame."""

    def invite(self) -> None:
        """Machines need no prompt."""

    def show(self, frame: Frame) -> None:
        """Write the frame."""
        render.as_json(frames.to_json(frame))

    def refuse(self, failure: CallFailed) -> None:
        """Write the refusal."""
        render.as_json({"type": "rejected", "reason": failure.reason, "message": failure.message})


class TextScreen:
    """Live text as it grows, then the reply if it differs."""

    def __init__(self) -> None:
        self._console = render.console()
        self._live = ""

    def invite(self) -> None:
        """Write the prompt."""
        self._write(PROMPT)

    def show(self, frame: Frame) -> None:
        """Write what a person wants to read; the other events are for `focal watch`."""
        match frame:
            case TextDelta(text=text):
                self._live += text
                self._write(text)
            case TextReset() if self._live:
                self._live = ""
                self._console.print("\n[dim](starting over)[/]")
            case Event() if frame.kind == "supersede_decided":
                self._decided(frame.proto.supersede_decided)
            case Event() if asked := question(frame):
                self._asked(asked)
            case Reply():
                self._finish(frame)

    def refuse(self, failure: CallFailed) -> None:
        """Write the refusal."""
        self._console.print(f"[red]refused[/] {failure}")
        self.invite()

    def _decided(self, decided: event_pb2.SupersedeDecided) -> None:
        what = _FATES.get(decided.action)
        if what is not None:
            self._console.print(f"\n[dim](your new message {what}: {escape(decided.reason)})[/]")

    def _asked(self, asked: Question) -> None:
        how = "answer in words, or /yes or /no"
        if asked.approver == "operator":
            how = f"focal confirmations accept {asked.confirmation_id}"
        self._console.print(f"\n[dim]({escape(asked.tool)} waits for a yes: {escape(how)})[/]")

    def _finish(self, reply: Reply) -> None:
        if self._live.strip() == reply.text.strip():
            self._write("\n")
        else:
            self._console.print(f"\n{reply.text}" if self._live else reply.text, markup=False)
        self._live = ""
        self.invite()

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


async def talk(conversation: Conversation, screen: Screen) -> None:
    """Talk until standard input ends and every message has its reply; raises CallFailed."""
    ledger = _Unanswered()
    tasks = [
        asyncio.create_task(_show(conversation, screen, ledger), name="show the conversation"),
        asyncio.create_task(_speak(conversation, screen, ledger), name="read standard input"),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _show(conversation: Conversation, screen: Screen, ledger: "_Unanswered") -> None:
    async for frame in conversation:
        screen.show(frame)
        ledger.question = question(frame) or ledger.question
        if isinstance(frame, Reply):
            ledger.answered(frame)


async def _speak(conversation: Conversation, screen: Screen, ledger: "_Unanswered") -> None:
    screen.invite()
    async for line in _lines():
        try:
            ledger.accepted(await _told(conversation, line, ledger))
        except CallFailed as failure:
            screen.refuse(failure)
    await ledger.empty()


async def _told(conversation: Conversation, line: str, ledger: "_Unanswered") -> str:
    """Say a line, or answer the latest question with it; returns the message or turn that a reply names."""
    if line in ANSWERS:
        await ledger.empty()
    asked = ledger.question
    if line in ANSWERS and asked is not None:
        return (await conversation.confirm(asked.confirmation_id, ANSWERS[line])).turn_id
    return (await conversation.say(line)).message_id


class _Unanswered:
    """Messages, and turns of answers, whose reply is still to come; a reply may overtake its acknowledgement.
    `question` is the latest that was asked.
    """

    def __init__(self) -> None:
        self.question: Question | None = None
        self._open: set[str] = set()
        self._closed: set[str] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def accepted(self, key: str) -> None:
        if key not in self._closed:
            self._open.add(key)
            self._empty.clear()

    def answered(self, reply: Reply) -> None:
        self._closed.update(reply.turn.message_ids, (reply.turn_id,))
        self._open -= self._closed
        if not self._open:
            self._empty.set()

    async def empty(self) -> None:
        await self._empty.wait()


async def _lines() -> AsyncIterator[str]:
    """Lines of standard input that hold text, without blocking the loop.

    A thread reads, because a terminal, a pipe and a file have no way to be awaited in common; it is
    a daemon, so that leaving does not wait for one more line.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: we have left
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while (line := await queue.get()) is not None:
        if line.strip():
            yield line.strip()
