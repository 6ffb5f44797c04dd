"""One `WatchSession` stream: a session's events from an offset on, live text in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_service_kit import tasks
from focal_turn_gateway.codecs import events
from focal_turn_gateway.core.follow import Follow, Followed
from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.events import StoredEvent, TextDelta
from focal_turn_gateway.domain.sessions import Session
from focal_turn_gateway.transport.frames import Frames
from focal_turn_gateway.transport.streams import Streams


@dataclass(frozen=True, slots=True)
class Watching:
    """`buffer` is the number of frames held for a slow reader."""

    follow: Follow
    streams: Streams
    buffer: int

    async def __call__(
        self, session: Session, after_offset: int, *, events_only: bool, patterns: tuple[str, ...] = ("*",)
    ) -> AsyncGenerator[pb.WatchSessionResponse, None]:
        """Frames until the client leaves or the process drains. Raises EventsRemoved."""
        await self.follow.check(session.session_id, after_offset)
        frames = Frames[pb.WatchSessionResponse](self.buffer)
        following = frames.fed_by(
            self._forward(session, after_offset, frames, events_only=events_only, patterns=patterns),
            "watch follow",
        )
        offset = after_offset
        try:
            with self.streams.open(frames.end):
                async with aclosing(frames.written()) as written:
                    async for frame in written:
                        offset = frame.event.offset or offset
                        yield frame
            yield pb.WatchSessionResponse(go_away=self.streams.go_away(offset))
        finally:
            await tasks.cancel([following])

    async def _forward(
        self,
        session: Session,
        offset: int,
        frames: Frames[pb.WatchSessionResponse],
        *,
        events_only: bool,
        patterns: tuple[str, ...],
    ) -> None:
        place = events.Place(session.tenant_id, session.agent_id, session.channel)
        async with aclosing(self.follow(session.session_id, offset)) as items:
            async for item in items:
                if (
                    event_names.matches(event_names.full_name(item.body), patterns)
                    if isinstance(item, StoredEvent)
                    else not events_only
                ):
                    await frames.put(_frame(item, place))


def _frame(item: Followed, place: events.Place) -> pb.WatchSessionResponse:
    if isinstance(item, StoredEvent):
        return pb.WatchSessionResponse(event=events.event_to_proto(item, place))
    if isinstance(item, TextDelta):
        return pb.WatchSessionResponse(text_delta=events.delta_to_proto(item))
    return pb.WatchSessionResponse(text_reset=events.reset_to_proto(item))
