"""The figures by which detectors judge, from the schema `turns`.

Each look reads what its window holds, by indexes of their own, and groups it by customer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from focal_turn_gateway.adapters.postgres import failures
from focal_turn_gateway.domain.abuse_detectors import Counted, Customer, Pace, Texts
from focal_turn_gateway.ports.abuse import AddressHits

_CLAIM = """
UPDATE turns.abuse_looks SET looked_at = clock_timestamp()
WHERE looked_at <= clock_timestamp() - $1::interval RETURNING true
"""
# A person's word ends what was found before.
_LIFTED = """
coalesce((SELECT max(a.lifted_at) FROM turns.abuse a
          WHERE a.tenant_id = {0}.tenant_id AND a.customer_id = {0}.customer_id), '-infinity')
"""
_CUSTOMERS = f"""
SELECT i.tenant_id, i.channel_user_hash, i.customer_id,
       nullif({_LIFTED.format("i")}, '-infinity') AS lifted_at
FROM unnest($1::text[], $2::text[]) AS x(tenant_id, hash)
JOIN turns.channel_identities i ON i.tenant_id = x.tenant_id AND i.channel_user_hash = x.hash
"""  # noqa: S608
_REFUSALS = f"""
SELECT s.tenant_id, s.customer_id, count(DISTINCT e.turn_id) AS times
FROM turns.events e JOIN turns.sessions s USING (session_id)
WHERE starts_with(e.name, 'policy.') AND e.occurred_at > now() - $1::interval AND e.name = ANY($2)
  AND e.occurred_at > {_LIFTED.format("s")}
GROUP BY s.tenant_id, s.customer_id HAVING count(DISTINCT e.turn_id) > $3
ORDER BY times DESC LIMIT $4
"""  # noqa: S608
_TEXTS = f"""
WITH active AS (
  SELECT s.tenant_id, s.customer_id, m.received_at, hashtextextended(lower(btrim(m.text)), 0) AS text
  FROM turns.messages m JOIN turns.sessions s USING (session_id)
  WHERE m.received_at > now() - $1::interval
), busy AS (
  SELECT b.tenant_id, b.customer_id, {_LIFTED.format("b")} AS lifted_at
  FROM (SELECT tenant_id, customer_id FROM active GROUP BY 1, 2 HAVING count(*) >= $2) b
)
SELECT a.tenant_id, a.customer_id, count(*) AS messages, count(DISTINCT a.text) AS different
FROM active a JOIN busy b USING (tenant_id, customer_id)
WHERE a.received_at > b.lifted_at
GROUP BY a.tenant_id, a.customer_id HAVING count(*) >= $2
ORDER BY count(DISTINCT a.text)::float8 / count(*) LIMIT $3
"""  # noqa: S608
_PACES = f"""
WITH active AS (
  SELECT s.tenant_id, s.customer_id, t.opened_at
  FROM turns.turns t JOIN turns.sessions s USING (session_id)
  WHERE t.opened_at > now() - $1::interval AND t.cause = 'MESSAGE' AND t.superseded_from = ''
), busy AS (
  SELECT b.tenant_id, b.customer_id, {_LIFTED.format("b")} AS lifted_at
  FROM (SELECT tenant_id, customer_id FROM active GROUP BY 1, 2 HAVING count(*) >= $2) b
), paced AS (
  SELECT a.tenant_id, a.customer_id, extract(epoch FROM a.opened_at - lag(a.opened_at) OVER (
           PARTITION BY a.tenant_id, a.customer_id ORDER BY a.opened_at)) AS gap_s
  FROM active a JOIN busy b USING (tenant_id, customer_id) WHERE a.opened_at > b.lifted_at
)
SELECT tenant_id, customer_id, count(*) AS turns, avg(gap_s)::float8 AS mean_s,
       var_pop(gap_s)::float8 AS variance_s2
FROM paced GROUP BY tenant_id, customer_id HAVING count(*) >= greatest($2, 2)
ORDER BY avg(gap_s) LIMIT $3
"""  # noqa: S608


class PostgresAbuseFacts:
    """`ports.abuse.AbuseFacts`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def claim(self, every_s: float) -> bool:
        """Whether the caller is to look now."""
        with failures.translated():
            return bool(await self._pool.fetchval(_CLAIM, timedelta(seconds=every_s)))

    async def rate_hits(self, found: Sequence[AddressHits]) -> list[Counted]:
        """Hits of the customers behind the addresses, in stretches that began after they were let in."""
        hits = {(each.tenant_id, each.customer_hash): each.hits for each in found}
        with failures.translated():
            rows = await self._pool.fetch(
                _CUSTOMERS, [each.tenant_id for each in found], [each.customer_hash for each in found]
            )
        counted: Counter[Customer] = Counter()
        for row in rows:
            lifted_at: datetime = row["lifted_at"] or datetime.fromtimestamp(0, UTC)
            at_address = hits[row["tenant_id"], row["channel_user_hash"]]
            counted[Customer(row["tenant_id"], row["customer_id"])] += sum(
                number for begins, number in at_address.items() if begins >= lifted_at.timestamp()
            )
        return [Counted(customer, times) for customer, times in counted.most_common()]

    async def safety_refusals(
        self, window_s: float, names: Sequence[str], more_than: int, limit: int
    ) -> list[Counted]:
        """Customers with more turns than that in which such an event was reported, the most first."""
        with failures.translated():
            rows = await self._pool.fetch(
                _REFUSALS, timedelta(seconds=window_s), list(names), more_than, limit
            )
        return [Counted(_customer(row), row["times"]) for row in rows]

    async def texts(self, window_s: float, at_least: int, limit: int) -> list[Texts]:
        """Customers with so many messages, those with the fewest different texts first. Case and outer
        spaces make no difference.
        """
        with failures.translated():
            rows = await self._pool.fetch(_TEXTS, timedelta(seconds=window_s), at_least, limit)
        return [Texts(_customer(row), row["messages"], row["different"]) for row in rows]

    async def paces(self, window_s: float, at_least: int, limit: int) -> list[Pace]:
        """Customers with so many turns, the fastest first."""
        with failures.translated():
            rows = await self._pool.fetch(_PACES, timedelta(seconds=window_s), at_least, limit)
        return [Pace(_customer(row), row["turns"], row["mean_s"], row["variance_s2"]) for row in rows]


def _customer(row: asyncpg.Record) -> Customer:
    return Customer(row["tenant_id"], row["customer_id"])
