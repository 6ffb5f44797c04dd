"""Sliding windows of messages in Valkey: one script per message, and never a reason to refuse one.

A window is counted in two halves, this one's messages and the last one's weighed by how much of it still
overlaps the window that slides (Cloudflare's "sliding window counter"): two numbers instead of one entry per
message. It is an estimate: the last window is taken as evenly filled, so after a burst at its end a stretch
of one window may hold almost twice the limit, never more; over several windows the limit holds.
"""

from __future__ import annotations

import asyncio
import time

import prometheus_client as prometheus
import redis.asyncio
from redis.exceptions import RedisError

from focal_service_kit import logging
from focal_turn_gateway.domain.rates import Allowance, Rates, Verdict

_log = logging.get("rates")

# Only what is admitted is counted: who is refused gets in again as the window slides, however often it asks.
_SCRIPT = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local window = tonumber(ARGV[1])
local start = ms - ms % window
local overlap = 1 - (ms - start) / window
local function look(key, limit)
  local seen = redis.call('HMGET', key, 's', 'c', 'p')
  local began, current, last = tonumber(seen[1]) or 0, tonumber(seen[2]) or 0, tonumber(seen[3]) or 0
  if began ~= start then
    last = (began == start - window) and current or 0
    current = 0
  end
  local used = current + last * overlap
  local wait = 0
  if limit > 0 and used + 1 > limit then
    if current + 1 <= limit then
      wait = (overlap - (limit - 1 - current) / last) * window
    else
      wait = overlap * window + (1 - (limit - 1) / current) * window
    end
  end
  return {key = key, limit = limit, current = current, last = last, used = used, wait = math.ceil(wait)}
end
local function answer(verdict, of)
  local left = of.limit > 0 and math.max(0, math.floor(of.limit - of.used)) or 0
  return {verdict, of.limit, left, start + window - ms, of.wait}
end
local restricted = redis.call('EXISTS', KEYS[4]) == 1
local customer = look(KEYS[2], restricted and tonumber(ARGV[4]) or tonumber(ARGV[3]))
local tenant = look(KEYS[1], tonumber(ARGV[2]))
if redis.call('EXISTS', KEYS[3]) == 1 then return answer('BLOCKED', customer) end
if customer.wait > 0 then return answer('CUSTOMER', customer) end
if tenant.wait > 0 then return answer('TENANT', tenant) end
for _, each in ipairs({tenant, customer}) do
  redis.call('HSET', each.key, 's', start, 'c', each.current + 1, 'p', each.last)
  redis.call('PEXPIRE', each.key, window * 2)
end
tenant.used = tenant.used + 1
return answer('ADMITTED', tenant)
"""


class ValkeyRateWindows:
    """`ports.RateWindows`.

    One message waits at most `timeout_s` for Valkey. When it does not answer, nobody asks for `pause_s`
    seconds and then one message tries again, so that an outage costs hardly any message anything; messages
    that nobody counted are admitted and show in a metric.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        registry: prometheus.CollectorRegistry,
        *,
        window_s: float,
        timeout_s: float,
        pause_s: float,
    ) -> None:
        self._script = client.register_script(_SCRIPT)
        self._window_ms = int(window_s * 1000)
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
        limits = [self._window_ms, rates.tenant, rates.customer, rates.restricted]
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
