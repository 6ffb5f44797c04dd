"""What the scenes play on: the mesh, the shop, and customers who write to the desk."""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from focal_cli.connection import Connection
from focal_cli.demo import example
from focal_cli.demo.shop import Shop
from focal_client import Accepted, Conversation, Event, FocalClient, Frame, Reply

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

    def customer(self, name: str) -> "Customer":
        """A customer nobody has met before, so that every scene starts a session of its own."""
        address = f"{name.lower()}-{secrets.token_hex(4)}"
        return Customer(name, self.client.conversation(example.AGENT, CHANNEL, address), self.tell)


@dataclass
class Customer:
    """One customer's conversation; use it as an async context manager."""

    name: str
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

    async def reported(self, category: str, kind: str) -> None:
        """Read until the agent has reported something of a category and kind."""

        def seen() -> bool:
            reports = (event.proto.agent for event in self.events("agent"))
            return any((each.category, each.type) == (category, kind) for each in reports)

        await self._until(seen)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                frame = await anext(self._incoming)
                self.frames.append(frame)
                if isinstance(frame, Reply):
                    self.tell("desk", frame.text)
