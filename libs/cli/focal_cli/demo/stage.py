"""What the scenes play on: the mesh, the shop, and customers who write to the desk."""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from focal_cli.connection import Connection
from focal_cli.demo import example
from focal_cli.demo.shop import Shop
from focal_client import (
    Accepted,
    Conversation,
    Event,
    FocalClient,
    Frame,
    Question,
    Reply,
    dispositions,
    question,
)

CHANNEL = "web"
PATIENCE_S = 30.0

Tell = Callable[[str, str], None]
"""Shows a line of the play: who speaks, and what."""


@dataclass(frozen=True)
class Stage:
    """Where the scenes play. ``tell`` shows what is said."""

    mesh: Connection
    client: FocalClient
    shop: Shop
    example: example.Example
    tell: Tell

    def customer(self, name: str, agent: str = "") -> "Customer":
        """A customer nobody has met before, so that every scene starts a session of its own; the returns desk
        answers unless another agent is named.
        """
        return self._at(name, f"{name.lower()}-{secrets.token_hex(4)}", None, agent)

    def kill(self, service: str) -> bool:
        """Kill a service of the mesh, which starts it anew; False when it is not where the mesh says."""
        pid = self.mesh.record.pids.get(service, 0)
        program = Path(f"/proc/{pid}/cmdline")
        if not pid or not program.exists() or f"focal_{service}".encode() not in program.read_bytes():
            return False
        self.tell("operator", f"kills the {service} (pid {pid})")
        os.kill(pid, signal.SIGKILL)
        return True

    def returning(self, left: "Customer") -> "Customer":
        """A customer who left, on a new stream that goes on behind the last event seen."""
        return self._at(left.name, left.address, left.conversation.offset)

    def _at(self, name: str, address: str, after_offset: int | None, agent: str = "") -> "Customer":
        stream = self.client.conversation(agent or example.AGENT, CHANNEL, address, after_offset=after_offset)
        return Customer(name, address, stream, self.tell)


@dataclass
class Customer:
    """One customer's conversation; use it as an async context manager."""

    name: str
    address: str
    conversation: Conversation
    tell: Tell
    frames: list[Frame] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        await self.conversation.__aenter__()
        self._incoming = aiter(self.conversation)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.conversation.__aexit__(kind, error, trace)

    @property
    def replies(self) -> list[Reply]:
        """The replies so far."""
        return [frame for frame in self.frames if isinstance(frame, Reply)]

    def events(self, kind: str) -> list[Event]:
        """The other events so far, of one kind."""
        return [frame for frame in self.frames if isinstance(frame, Event) and frame.kind == kind]

    @property
    def offsets(self) -> list[int]:
        """Offsets of the stored events so far, as they came."""
        return [frame.offset for frame in self.frames if isinstance(frame, Event | Reply)]

    def fate(self, message: Accepted) -> str:
        """What became of a message, as the latest frame about it says; empty when none does."""
        told = (dispositions(frame).get(message.message_id, "") for frame in self.frames)
        return next((fate for fate in reversed([*told]) if fate), "")

    def told(self, message: Accepted) -> list[str]:
        """What the decisions made of a message, in order, while its turn was still open."""
        decided = (dispositions(event) for event in self.events("supersede_decided"))
        return [each[message.message_id] for each in decided if message.message_id in each]

    async def say(self, text: str, *, request_id: str = "") -> Accepted:
        """Write to the desk; returns when the message is durable."""
        self.tell(self.name, text)
        return await self.conversation.say(text, request_id=request_id)

    async def ask(self, text: str) -> Reply:
        """Write to the desk and wait for the answer."""
        await self.answered([await self.say(text)])
        return self.replies[-1]

    async def answered(self, messages: Iterable[Accepted]) -> None:
        """Read until every one of the messages has its reply."""
        wanted = {message.message_id for message in messages}

        def complete() -> bool:
            return wanted <= {each for reply in self.replies for each in reply.turn.message_ids}

        await self._until(complete)

    @property
    def asked(self) -> Question | None:
        """The latest question that a call waits for."""
        return next((found for frame in reversed(self.frames) if (found := question(frame))), None)

    async def told_of(self, turn_id: str) -> None:
        """Read until a turn has its reply."""
        await self._until(lambda: any(reply.turn_id == turn_id for reply in self.replies))

    async def heard(self, beginning: str) -> None:
        """Read until a reply begins so, whoever asked for it."""
        await self._until(lambda: any(reply.text.startswith(beginning) for reply in self.replies))

    async def reported(self, category: str, kind: str, *, after: int = 0) -> None:
        """Read until the agent has reported something of a category and kind, behind so many reports."""

        def seen() -> bool:
            reports = (event.proto.agent for event in self.events("agent")[after:])
            return any((each.category, each.type) == (category, kind) for each in reports)

        await self._until(seen)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                frame = await anext(self._incoming)
                self.frames.append(frame)
                if isinstance(frame, Reply):
                    self.tell("desk", frame.text)
