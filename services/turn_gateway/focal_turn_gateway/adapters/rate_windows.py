"""Sliding windows of messages in Valkey: one script per message, and never a reason to refuse one.

A window is counted in slices, and a message gets in when those that its window touches, the oldest of them
whole, leave room. So no stretch of one window ever holds more than the limit; in return what was admitted
counts for up to one slice longer than the window. A window costs as many numbers as it has slices, however
many messages it takes.
"""

from __future__ import annotations

import asyncio
import math
import time

import prometheus_client as prometheus
import redis.asyncio
from redis.exceptions import RedisError

from focal_service_kit import logging
from focal_turn_gateway.adapters import rate_hits
from focal_turn_gateway.domain.rates import Allowance, Rates, Verdict

_log = logging.get("rates")

# Only what is admitted is counted: who is refused gets in again as the window slides, however often it asks.
# Keys: the tenant's window, the customer's, a block, a restriction. Who is hit is the second behind `rate:`.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slice, slices = tonumber(ARGV[1]), tonumber(ARGV[2])
local newest = math.floor(now / slice)
local oldest = newest - slices
local function forgotten_in(index) return (index + slices + 1) * slice - now end
local function look(key, limit)
  local seen = redis.call('HGETALL', key)
  local counts, used, gone, first = {}, 0, {}, newest
  for place = 1, #seen, 2 do
    local index = tonumber(seen[place])
    if index and index >= oldest and index <= newest then
      counts[index] = tonumber(seen[place + 1])
      used = used + counts[index]
      first = math.min(first, index)
    else
      gone[#gone + 1] = seen[place]
    end
  end
  local wait = 0
  if limit > 0 and used + 1 > limit then
    local left = used
    for index = first, newest do
      left = left - (counts[index] or 0)
      if left + 1 <= limit then
        wait = forgotten_in(index)
        break
      end
    end
  end
  return {key = key, limit = limit, used = used, gone = gone, first = first, wait = wait}
end
local function answer(verdict, of)
  local left = of.limit > 0 and math.max(0, of.limit - of.used) or 0
  return {verdict, of.limit, left, forgotten_in(of.first), of.wait}
end
local function hit(who)
  local stretch, kept, most = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
  if stretch == 0 then return end
  local key = 'abuse:hits:' .. math.floor(now / stretch)
  if redis.call('HLEN', key) < most or redis.call('HEXISTS', key, who) == 1 then
    redis.call('HINCRBY', key, who, 1)
    redis.call('PEXPIRE', key, kept)
  end
end
local restricted = redis.call('EXISTS', KEYS[4]) == 1
local customer = look(KEYS[2], restricted and tonumber(ARGV[5]) or tonumber(ARGV[4]))
local tenant = look(KEYS[1], tonumber(ARGV[3]))
if redis.call('EXISTS', KEYS[3]) == 1 then return answer('BLOCKED', customer) end
if customer.wait > 0 then
  hit(string.sub(KEYS[2], 6))
  return answer('CUSTOMER', customer)
end
if tenant.wait > 0 then return answer('TENANT', tenant) end
for _, each in ipairs({tenant, customer}) do
  if #each.gone > 0 then redis.call('HDEL', each.key, unpack(each.gone)) end
  redis.call('HINCRBY', each.key, newest, 1)
  redis.call('PEXPIRE', each.key, slice * (slices + 1))
end
tenant.used = tenant.used + 1
return answer('ADMITTED', tenant)
"""


class ValkeyRateWindows:
    """`ports.RateWindows`.

    One message waits at most `timeout_s` for Valkey. When it does not answer, nobody asks for `pause_s`
    seconds and then one message tries again, so that an outage costs hardly any message anything; messages
    that nobody counted are admitted and show in a metric. What a customer's own limit refuses is noted for
    the detectors of abuse as `hits` says, by the same script.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        registry: prometheus.CollectorRegistry,
        *,
        window_s: float,
        slices: int,
        timeout_s: float,
        pause_s: float,
        hits: rate_hits.Kept | None = None,
    ) -> None:
        self._script = client.register_script(SCRIPT)
        self._slice_ms = math.ceil(window_s * 1000 / slices)
        self._slices = slices
        self._hits = [hits.stretch_ms, hits.kept_ms, hits.most] if hits else [0, 0, 0]
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._closed_until = 0.0
        self._uncounted = prometheus.Counter(
            "focal_gateway_uncounted_messages",
            "Messages admitted without a look at their rate",
            registry=registry,
        )

    async def admit(self, tenant_id: str, customer: str, rates: Rates) -> Allowance | None:
        """Count a message unless a limit is used up; None when Valkey cannot be asked."""
        if time.monotonic() < self._closed_until:
            self._uncounted.inc()
            return None
        keys = [
            f"rate:{tenant_id}",
            f"rate:{tenant_id}:{customer}",
            f"abuse:blocked:{tenant_id}:{customer}",
            f"abuse:restricted:{tenant_id}:{customer}",
        ]
        limits = [self._slice_ms, self._slices, rates.tenant, rates.customer, rates.restricted, *self._hits]
        probe = self._closed_until > 0
        if probe:
            self._closed_until = time.monotonic() + self._pause_s
        try:
            async with asyncio.timeout(self._timeout_s):
                verdict, limit, left, reset_ms, wait_ms = await self._script(keys, limits)
        except (RedisError, OSError, TimeoutError) as error:
            if not probe:
                _log.warning("valkey away, rates not counted", cause=type(error).__name__)
            self._closed_until = time.monotonic() + self._pause_s
            self._uncounted.inc()
            return None
        if probe:
            _log.info("rates counted again")
        self._closed_until = 0.0
        return Allowance(Verdict(verdict.decode()), limit, left, reset_ms / 1000, wait_ms / 1000)


class Uncounted:
    """`ports.RateWindows` where counting is switched off."""

    async def admit(self, tenant_id: str, customer: str, rates: Rates) -> Allowance | None:
        """Nothing is counted."""
        return None
