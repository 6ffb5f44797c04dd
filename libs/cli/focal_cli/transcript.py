"""A conversation as it reads: what the customer wrote and what was answered, in order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from focal.turn.v1 import message_pb2, turn_pb2


@dataclass(frozen=True)
class Line:
    """Something said; `at_ms` since 1970."""

    at_ms: int
    speaker: str
    text: str


def of(messages: Iterable[message_pb2.Message], turns: Iterable[turn_pb2.Turn]) -> list[Line]:
    """What was said, the latest last. A turn counts from its end, when its reply was committed."""
    return sorted([*map(_written, messages), *_answered(turns)], key=lambda line: line.at_ms)


def _written(message: message_pb2.Message) -> Line:
    return Line(message.received_at.ToMilliseconds(), "customer", message.text)


def _answered(turns: Iterable[turn_pb2.Turn]) -> Iterator[Line]:
    for turn in turns:
        if text := "\n".join(segment.text for segment in turn.reply):
            yield Line(turn.closed_at.ToMilliseconds(), "agent", text)
