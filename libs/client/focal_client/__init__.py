"""The Python SDK of Focal: talk to an agent from asyncio code.

    async with FocalClient.connect("127.0.0.1:7401", token=token) as client:
        async with client.conversation("returns_desk", "web", "ada") as chat:
            await chat.say("Where is my order A-1001?")
            async for event in chat:
                ...

Here lives what a caller of the gateway needs. Administration (publishing, tenants) does not.
"""

from focal_client.channels import Tls, Token
from focal_client.client import FocalClient
from focal_client.conversation import Conversation
from focal_client.errors import CallFailed, ConversationClosed
from focal_client.event_log import LoggedEvent
from focal_client.events import (
    Accepted,
    Answered,
    Event,
    Frame,
    Question,
    Reply,
    TextDelta,
    TextReset,
    dispositions,
    question,
)

__all__ = [
    "Accepted",
    "Answered",
    "CallFailed",
    "Conversation",
    "ConversationClosed",
    "Event",
    "FocalClient",
    "Frame",
    "LoggedEvent",
    "Question",
    "Reply",
    "TextDelta",
    "TextReset",
    "Tls",
    "Token",
    "dispositions",
    "question",
]
