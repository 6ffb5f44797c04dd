"""See one entry of a routed stream through: its message becomes durable, or the entry a dead letter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from focal_kernel import errors as kernel_errors
from focal_service_kit import logging, tracing
from focal_turn_gateway import errors
from focal_turn_gateway.domain import routed
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.domain.routed import Entry, Route
from focal_turn_gateway.ports.router import RoutedStreams

_FOR_GOOD = (
    kernel_errors.InvalidArgument,
    kernel_errors.NotFound,
    kernel_errors.AlreadyExists,
    kernel_errors.PermissionDenied,
    kernel_errors.FailedPrecondition,
)
"""Refusals that waiting does not change; limits and servers that are away are waited for."""

_log = logging.get("ingress")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An entry with its message, or with the reason why it has none."""

    route: Route
    entry: Entry
    message: Submission | errors.Poison

    @property
    def lane(self) -> tuple[str, ...]:
        """What must stay in order with it: the messages of a customer to an agent."""
        if isinstance(self.message, errors.Poison):
            return ()
        return (self.message.address.agent_id, self.message.address.channel_user_id)


@dataclass(frozen=True, slots=True)
class AcceptRouted:
    """`parallel` bounds the messages being stored at once; pauses are in seconds and double; after
    `max_faults` failures that nobody foresaw an entry counts as poison.
    """

    submit: Callable[[Submission], Awaitable[Accepted]]
    streams: RoutedStreams
    registry: Registry
    parallel: asyncio.Semaphore
    max_chars: int
    max_bytes: int
    retry_min_s: float
    retry_max_s: float
    max_faults: int

    def unpack(self, route: Route, entry: Entry) -> Unpacked:
        """Look at an entry; never raises, whatever is in it."""
        try:
            message = routed.submission(
                route, entry, self.registry, max_chars=self.max_chars, max_bytes=self.max_bytes
            )
        except errors.Poison as poison:
            return Unpacked(route, entry, poison)
        return Unpacked(route, entry, message)

    async def __call__(self, unpacked: Unpacked) -> None:
        """Settle an entry, however long that takes. Raises StreamsAway."""
        route, entry, message = unpacked.route, unpacked.entry, unpacked.message
        if not entry.fields:
            _log.error("entry was trimmed before it was read", stream=str(route), entry=entry.entry_id)
            await self.streams.done(route, entry.entry_id)
            return
        try:
            if isinstance(message, errors.Poison):
                raise message
            await self._store(message, entry)
        except errors.Poison as poison:
            _log.warning("dead letter", stream=str(route), entry=entry.entry_id, reason=poison.reason)
            await self.streams.bury(route, entry, poison.reason, str(poison))
        else:
            await self.streams.done(route, entry.entry_id)

    async def _store(self, message: Submission, entry: Entry) -> None:
        """Submit until it is stored. Raises Poison."""
        pause_s, faults = self.retry_min_s, 0
        while True:
            try:
                async with self.parallel:
                    with tracing.continued(entry.traceparent):
                        await self.submit(message)
                return
            except _FOR_GOOD as refused:
                raise errors.Poison(refused.reason, refused.message) from refused
            except kernel_errors.FocalError as error:
                wait_s = max(pause_s, error.retry_after_s or 0)
                _log.info("message waits", entry=entry.entry_id, reason=error.reason, pause_s=wait_s)
            except Exception as fault:
                faults += 1
                _log.error("message not stored", entry=entry.entry_id, fault=faults, exc_info=fault)
                if faults >= self.max_faults:
                    raise errors.Poison("INTERNAL_ERROR", "storing the message failed") from fault
                wait_s = pause_s
            await asyncio.sleep(wait_s)
            pause_s = min(self.retry_max_s, pause_s * 2)
