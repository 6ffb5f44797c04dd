"""Replies to the message router: Valkey streams `events.outbound.{tenant}.{channel}`.

Dedupe key and entry are written by one script, so a segment enters its stream once however often it is
delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import redis.asyncio

from focal_turn_gateway.codecs import outgoing
from focal_turn_gateway.ports.delivery import ClaimedRow

_ADD_ONCE = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  return redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
end
return false
"""


class OutboundStream:
    """`ports.Destination`. `maxlen` bounds a stream's entries, `dedupe_s` is how long a key is kept in
    seconds.
    """

    def __init__(self, client: redis.asyncio.Redis, *, maxlen: int, dedupe_s: int) -> None:
        self._client = client
        self._maxlen = maxlen
        self._dedupe_s = dedupe_s
        self._script = client.register_script(_ADD_ONCE)

    async def deliver(self, rows: Sequence[ClaimedRow]) -> None:
        """Add each row to its stream unless it is there."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for row in rows:
                stream = f"events.outbound.{row.tenant_id}.{row.payload['channel']}"
                entry = {**outgoing.headers(row), "envelope": outgoing.envelope_json(row)}
                await self._script(
                    keys=[f"outbound:once:{row.tenant_id}:{row.dedupe_key}", stream],
                    args=[self._dedupe_s, self._maxlen, *chain.from_iterable(entry.items())],
                    client=pipeline,
                )
            await pipeline.execute()
