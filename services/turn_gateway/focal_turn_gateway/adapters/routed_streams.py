"""The router's streams `events.routed.{tenant}.{channel}` on Valkey, each read under a lease.

All gateways share one consumer of one group, so that whoever becomes the reader finds what the reader before
it took and did not settle. The lease is compared in the same script that takes entries: a reader that was
frozen takes nothing more once it has been replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from focal_turn_gateway import errors
from focal_turn_gateway.adapters import dead_letters
from focal_turn_gateway.domain.routed import Entry, Route
from focal_turn_gateway.ports.router import Taken

PREFIX = "events.routed."
INDEX = "events.routed"
"""A set of stream names that a router may keep, to have a new stream found among millions of keys at once."""
GROUP = "focal"
_CONSUMER = "gateway"
_MOST_FIELDS = 64
"""Fields of a dead letter at most: a script cannot pass on thousands."""

_READ = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[5] == '0' then return {{}, ''} end
local found = redis.call(
  'XREADGROUP', 'GROUP', ARGV[3], ARGV[4], 'COUNT', ARGV[5], 'STREAMS', KEYS[2], ARGV[6])
local about = redis.call('XINFO', 'STREAM', KEYS[2])
for at = 1, #about, 2 do
  if about[at] == 'last-generated-id' then return {found and found[1][2] or {}, about[at + 1]} end
end
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_DONE = """
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] == '1' then redis.call('XDEL', KEYS[1], ARGV[2]) end
"""
# Only who takes the entry off the group's list of unsettled ones buries it.
_BURY = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', unpack(ARGV, 6))
redis.call('SADD', KEYS[3], ARGV[5])
if ARGV[3] == '1' then redis.call('XDEL', KEYS[1], ARGV[2]) end
"""


class ValkeyStreams:
    """`ports.RoutedStreams`. `lease_s` is how long a silent reader is waited for in seconds, `scan_keys` how
    many keys one look for new streams goes through, `dlq_maxlen` bounds a stream of dead letters; with
    `delete`, settled entries leave their stream.
    """

    def __init__(
        self, client: redis.asyncio.Redis, *, lease_s: float, scan_keys: int, dlq_maxlen: int, delete: bool
    ) -> None:
        self._client = client
        self._lease_ms = int(lease_s * 1000)
        self._scan_keys = scan_keys
        self._dlq_maxlen = dlq_maxlen
        self._delete = int(delete)
        self._cursor = 0
        self._read = client.register_script(_READ)
        self._release = client.register_script(_RELEASE)
        self._done = client.register_script(_DONE)
        self._bury = client.register_script(_BURY)

    async def discover(self) -> set[Route]:
        """One step of a walk over the keys, and the index; both cost the same however many keys there are."""
        with _translated():
            self._cursor, found = await self._client.scan(
                self._cursor, match=PREFIX + "*", count=self._scan_keys, _type="STREAM"
            )
            indexed: Any = await self._client.smembers(INDEX)
        names = (name.decode(errors="replace") for name in {*found, *indexed})
        routes = (Route.parsed(name.removeprefix(PREFIX)) for name in names if name.startswith(PREFIX))
        return {route for route in routes if route is not None}

    async def acquire(self, route: Route, token: str) -> bool:
        """Take the lease if it is free."""
        with _translated():
            if not await self._client.set(_lease(route), token, nx=True, px=self._lease_ms):
                return False
            try:
                await self._client.xgroup_create(_stream(route), GROUP, id="0")
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    await self._release(keys=[_lease(route)], args=[token])
                    raise errors.StreamGone from error
            return True

    async def read(self, route: Route, token: str, after: str | None, count: int) -> Taken:
        """Renew the lease and take entries."""
        with _translated():
            found: Any = await self._read(
                keys=[_lease(route), _stream(route)],
                args=[token, self._lease_ms, GROUP, _CONSUMER, count, ">" if after is None else after],
            )
        if isinstance(found, bytes):
            raise errors.StreamLost("another gateway reads the stream")
        entries, position = found
        return Taken(
            [Entry(entry_id.decode(), _pairs(fields)) for entry_id, fields in entries], position.decode()
        )

    async def arrivals(self, positions: Mapping[Route, str], timeout_s: float) -> set[Route]:
        """Wait for entries behind the positions."""
        by_name = {_stream(route): route for route in positions}
        streams: Any = {name: positions[route] for name, route in by_name.items()}
        with _translated():
            found: Any = await self._client.xread(streams, count=1, block=max(1, int(timeout_s * 1000)))
        return {by_name[name.decode()] for name, _ in found or ()}

    async def done(self, route: Route, entry_id: str) -> None:
        """Settle an entry."""
        with _translated():
            await self._done(keys=[_stream(route)], args=[GROUP, entry_id, self._delete])

    async def bury(self, route: Route, entry: Entry, reason: str, detail: str) -> None:
        """Settle an entry by moving it to the dead letters."""
        original = [part for pair in list(entry.fields.items())[:_MOST_FIELDS] for part in pair]
        about: list[str | bytes | int] = [
            GROUP,
            entry.entry_id,
            self._delete,
            self._dlq_maxlen,
            route.channel,
        ]
        with _translated():
            await self._bury(
                keys=[
                    _stream(route),
                    dead_letters.stream(route.tenant_id, route.channel),
                    dead_letters.index(route.tenant_id),
                ],
                args=[*about, *dead_letters.fields(entry.origin, reason, detail, original)],
            )

    async def release(self, route: Route, token: str) -> None:
        """Give the lease back."""
        with _translated():
            await self._release(keys=[_lease(route)], args=[token])


def _stream(route: Route) -> str:
    return f"{PREFIX}{route}"


def _lease(route: Route) -> str:
    return f"ingress:lease:{route.tenant_id}:{route.channel}"


def _pairs(fields: list[bytes] | None) -> dict[bytes, bytes]:
    parts = iter(fields or ())
    return dict(zip(parts, parts, strict=True))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        if "NOGROUP" in str(error):
            raise errors.StreamLost(str(error)) from error
        raise errors.StreamsAway(str(error)) from error
    except (RedisError, OSError) as error:
        raise errors.StreamsAway(type(error).__name__) from error
