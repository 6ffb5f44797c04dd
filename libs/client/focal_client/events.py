"""What comes out of a conversation or a watched session."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from focal.turn.v1 import event_pb2, message_pb2, turn_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as gateway


@dataclass(frozen=True)
class TextDelta:
    """Text to append to what is shown for a turn. Live only: the reply is what counts. ``restart`` says how
    often the attempt had begun again when it wrote this."""

    turn_id: str
    attempt: int
    text: str
    restart: int = 0


@dataclass(frozen=True)
class TextReset:
    """Drop the text shown for a turn so far: a new attempt begins, or with a ``restart`` the same one begins
    again."""

    turn_id: str
    attempt: int
    restart: int = 0


@dataclass(frozen=True)
class Reply:
    """A committed turn, or one that gave up (``failed``) with the error policy's answer."""

    offset: int
    turn: turn_pb2.Turn
    failed: bool = False

    @property
    def turn_id(self) -> str:
        """Id of the turn."""
        return self.turn.turn_id

    @property
    def text(self) -> str:
        """All segments of the reply, one per line."""
        return "\n".join(segment.text for segment in self.turn.reply)


@dataclass(frozen=True)
class Event:
    """Any other stored event; ``body`` is its message of ``focal.turn.v1``, named by ``kind``."""

    offset: int
    kind: str
    proto: event_pb2.FabricEvent


Frame = TextDelta | TextReset | Reply | Event

_BY_DECISION = {
    event_pb2.SUPERSEDE_ACTION_SUPERSEDE: "superseding",
    event_pb2.SUPERSEDE_ACTION_ABSORB: "absorbed",
    event_pb2.SUPERSEDE_ACTION_QUEUE: "queued",
    event_pb2.SUPERSEDE_ACTION_FORCE_COMPLETE: "queued",
}


def dispositions(frame: Frame) -> dict[str, str]:
    """What the frame says became of messages, by message id: ``joined``, ``absorbed``, ``queued`` or
    ``superseding``. Of several frames the later one counts; a reply has the last word."""
    if isinstance(frame, Reply):
        given = frame.turn.dispositions
        names = message_pb2.MessageDisposition
        told = {key: names.Name(value).removeprefix("MESSAGE_DISPOSITION_") for key, value in given.items()}
        return {key: told.get(key, "JOINED").lower() for key in frame.turn.message_ids}
    if isinstance(frame, Event) and frame.kind == "supersede_decided":
        decided = frame.proto.supersede_decided
        name = _BY_DECISION.get(decided.action)
        return dict.fromkeys(decided.message_ids, name) if name else {}
    return {}


@dataclass(frozen=True)
class Accepted:
    """A message is durable; it will be answered whatever crashes."""

    request_id: str
    message_id: str
    session_id: str
    sequence: int
    duplicate: bool


@dataclass(frozen=True)
class Answered:
    """An answer to a question is recorded; the turn ``turn_id`` tells what came of it. A yes that no call has
    used lapses at ``expires_at``."""

    request_id: str
    confirmation_id: str
    turn_id: str
    expires_at: datetime


@dataclass(frozen=True)
class Question:
    """A tool may be called once the ``approver`` says yes: the ``customer``, or an ``operator``."""

    confirmation_id: str
    tool: str
    prompt: str
    approver: str
    expires_at: str


def question(frame: Frame) -> Question | None:
    """The question that an event holds; answer it by ``Conversation.confirm`` or ``FocalClient.confirm``."""
    if not isinstance(frame, Event) or frame.proto.name != "tool.confirmation.requested":
        return None
    told = json.loads(frame.proto.agent.payload_json)
    return Question(**{name: str(told.get(name, "")) for name in Question.__dataclass_fields__})


def from_confirmed(confirmed: gateway.AnswerConfirmed) -> Answered:
    """The gateway's acknowledgement of an answer."""
    return Answered(
        confirmed.request_id,
        confirmed.confirmation_id,
        confirmed.turn_id,
        confirmed.expires_at.ToDatetime(UTC),
    )


def from_event(event: event_pb2.FabricEvent) -> Reply | Event:
    """A stored event; completed and failed turns become replies."""
    kind = event.WhichOneof("body") or ""
    if kind == "turn_completed":
        return Reply(event.offset, event.turn_completed.turn)
    if kind == "turn_failed":
        return Reply(event.offset, event.turn_failed.turn, failed=True)
    return Event(event.offset, kind, event)


def from_frame(frame: gateway.ConverseResponse | gateway.WatchSessionResponse) -> Frame | None:
    """A frame for the reader; None for those that steer the stream."""
    match frame.WhichOneof("frame"):
        case "event":
            return from_event(frame.event)
        case "text_delta":
            delta = frame.text_delta
            return TextDelta(delta.turn_id, delta.attempt, delta.text, delta.restart)
        case "text_reset":
            reset = frame.text_reset
            return TextReset(reset.turn_id, reset.attempt, reset.restart)
    return None


def from_accepted(accepted: gateway.MessageAccepted) -> Accepted:
    """The gateway's acknowledgement of a message."""
    return Accepted(
        accepted.request_id,
        accepted.message_id,
        accepted.session_id,
        accepted.sequence,
        accepted.duplicate,
    )
