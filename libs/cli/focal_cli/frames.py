"""Frames of a conversation or a watched session, for people and for machines."""

from typing import Any

from google.protobuf import json_format

from focal.turn.v1 import event_pb2
from focal_cli import render
from focal_client import Event, Frame, Reply, TextDelta, TextReset, dispositions

Summary = tuple[str, str]


def to_json(frame: Frame) -> dict[str, Any]:
    """A frame as one JSON object; ``type`` tells them apart."""
    match frame:
        case TextDelta():
            return {"type": "text_delta", **vars(frame)}
        case TextReset():
            return {"type": "text_reset", **vars(frame)}
        case Reply():
            turn = json_format.MessageToDict(frame.turn, preserving_proto_field_name=True)
            return {
                "type": "reply",
                "offset": frame.offset,
                "failed": frame.failed,
                "text": frame.text,
                "turn": turn,
            }
        case Event():
            return {"type": "event", "kind": frame.kind, **render.plain(frame.proto)}


def summary(frame: Frame) -> Summary:
    """What happened, and the words that matter."""
    match frame:
        case TextDelta(text=text):
            return "text", text
        case TextReset():
            return "text dropped", ""
        case Reply():
            return ("turn failed" if frame.failed else "turn completed"), _reply(frame)
        case Event():
            return frame.kind.replace("_", " "), _of_event(frame.kind, frame.proto)


def decision(decided: event_pb2.SupersedeDecided) -> str:
    """What became of messages that arrived during a turn, and why."""
    action = render.enum_name(event_pb2.SupersedeAction, decided.action)
    if decided.absorb_strategy:
        action += f", {render.enum_name(event_pb2.AbsorbStrategy, decided.absorb_strategy)}"
    return f"{action} ({', '.join(decided.message_ids)}): {decided.reason}"


def _reply(reply: Reply) -> str:
    """The reply's text, and what became of messages that did not simply join its turn."""
    late = [f"{key} {name}" for key, name in dispositions(reply).items() if name != "joined"]
    return f"{reply.text} ({', '.join(late)})" if late else reply.text


def _of_event(kind: str, event: event_pb2.FabricEvent) -> str:
    match kind:
        case "message_received":
            return event.message_received.message.text
        case "supersede_decided":
            return decision(event.supersede_decided)
        case "turn_superseded":
            return f"by {event.turn_superseded.superseded_by}: {event.turn_superseded.reason}"
        case "agent":
            agent = event.agent
            return f"{agent.category}.{agent.type} {agent.payload_json}"
        case "delivery_updated":
            return render.enum_name(event_pb2.DeliveryState, event.delivery_updated.state)
    return ""
