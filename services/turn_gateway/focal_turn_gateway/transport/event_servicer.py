"""`focal.turn.v1.EventService`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc.aio

from focal.turn.v1 import event_service_pb2 as pb
from focal.turn.v1 import event_service_pb2_grpc as api
from focal_service_kit import identity
from focal_turn_gateway.codecs import event_log
from focal_turn_gateway.transport.watching_events import WatchingEvents

Context = grpc.aio.ServicerContext[Any, Any]
ADMIN_ROLE = "admin"


class EventServicer(api.EventServiceServicer):
    """Shows what happens in all sessions of a tenant, to those who administer it."""

    def __init__(self, watching: WatchingEvents) -> None:
        self._watching = watching

    async def WatchEvents(  # noqa: N802
        self, request: pb.WatchEventsRequest, context: Context
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        """Follow a tenant's events."""
        identity.require_role(ADMIN_ROLE)
        tenant_id = identity.tenant(request.tenant_id)
        after = event_log.position_from_proto(request.after_position, tenant_id)
        choice = event_log.choice_from_proto(request)
        follow = self._watching.follow
        start = await follow.start(tenant_id, after, oldest=request.from_oldest)
        async with aclosing(self._watching(tenant_id, start, choice)) as frames:
            async for frame in frames:
                yield frame
