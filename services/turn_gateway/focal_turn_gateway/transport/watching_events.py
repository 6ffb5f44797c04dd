"""One `WatchEvents` stream: a tenant's events from a place in its log on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from focal.turn.v1 import event_service_pb2 as pb
from focal_service_kit import tasks
from focal_turn_gateway.codecs import event_log
from focal_turn_gateway.core.follow_events import FollowEvents
from focal_turn_gateway.domain.event_log import EventChoice, Position
from focal_turn_gateway.transport.frames import Frames
from focal_turn_gateway.transport.streams import Streams


@dataclass(frozen=True, slots=True)
class WatchingEvents:
    """`buffer` is the number of frames held for a slow reader; behind them the log waits."""

    follow: FollowEvents
    streams: Streams
    buffer: int

    async def __call__(
        self, tenant_id: str, start: Position, choice: EventChoice
    ) -> AsyncGenerator[pb.WatchEventsResponse, None]:
        """Frames until the client leaves or the process drains. The first states where the stream begins."""
        position = event_log.position_to_proto(start, tenant_id)
        yield pb.WatchEventsResponse(reached=pb.ReachedPosition(position=position))
        frames = Frames[pb.WatchEventsResponse](self.buffer)
        following = frames.fed_by(self._forward(tenant_id, start, choice, frames), "watch events")
        try:
            with self.streams.open(frames.end):
                async with aclosing(frames.written()) as written:
                    async for frame in written:
                        position = frame.event.position or frame.reached.position
                        yield frame
            yield pb.WatchEventsResponse(go_away=event_log.go_away(self.streams.go_away(0), position))
        finally:
            await tasks.cancel([following])

    async def _forward(
        self, tenant_id: str, start: Position, choice: EventChoice, frames: Frames[pb.WatchEventsResponse]
    ) -> None:
        async with aclosing(self.follow(tenant_id, start, choice)) as pages:
            async for page in pages:
                for frame in event_log.page_to_proto(page, tenant_id):
                    await frames.put(frame)
