"""Provider `queue`: requests go to a stream of Valkey (or Redis), one per tenant and queue, and are
reported on later.

The stream's name holds the tenant, so no definition reaches another tenant's queue, or a stream that is none.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import redis.asyncio
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from redis.exceptions import RedisError

from focal_kernel import canonical_json
from focal_service_kit import tracing
from focal_toolbox import errors
from focal_toolbox.domain import report
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.ports.providers import Availability, Dispatch, Handover

PREFIX = "tools.requests"
SCHEMA_VERSION = 1
FULL = b"full"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# A request enters its stream once, however often it is sent: what marks it is the token, which is new for
# each reservation. A repetition after a failure carries the same idempotency key, and must not be lost.
_ADD_ONCE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 'known' end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[2]) then return 'full' end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[1])
redis.call('XADD', KEYS[2], '*', 'envelope', ARGV[3])
return 'added'
"""


class Config(BaseModel):
    """`provider_config` of a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: str = Field("", pattern=r"^([A-Za-z0-9_-]{1,64})?$")


class QueueProvider:
    """`pool` is None where queues are not enabled. A stream with `max_waiting` requests takes no more."""

    def __init__(self, pool: redis.asyncio.ConnectionPool | None, max_waiting: int) -> None:
        self._pool = pool
        self._max_waiting = max_waiting

    def availability(self) -> Availability:
        if self._pool is None:
            return Availability(False, "the toolbox setting queue.enabled is off")
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> Dispatch:
        raise _unusable("a tool whose provider is a queue must be asynchronous")

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> Dispatch:
        if self._pool is None:
            raise _unusable("the toolbox setting queue.enabled is off")
        name = _queue(config_json) or handover.tool_name
        if not _NAME.fullmatch(name):
            raise _unusable("`queue` must name the queue: the tool's name cannot")
        envelope = {
            "schema_version": SCHEMA_VERSION,
            "tenant_id": tenant_id,
            "tool": handover.tool_name,
            "arguments": arguments,
            "token": handover.token,
            "report_within_s": math.floor(handover.within_s),
            "headers": {"traceparent": tracing.current_traceparent()},
        }
        once = f"tools:once:{report.token_hash(handover.token)}"
        # As long as the token is good.
        ttl_s = math.ceil(handover.within_s)
        stream = f"{PREFIX}.{tenant_id}.{name}"
        return QueueDispatch(self._pool, (once, stream), envelope, ttl_s, self._max_waiting)


@dataclass(frozen=True, slots=True)
class QueueDispatch:
    """An entry that is ready to be added."""

    pool: redis.asyncio.ConnectionPool
    keys: tuple[str, str]
    envelope: Mapping[str, Any]
    ttl_s: int
    max_waiting: int

    @property
    def host(self) -> str:
        return "queue"

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        """Added is taken on: the queue keeps it until a partner comes."""
        text = canonical_json.dumps({**self.envelope, "idempotency_key": idempotency_key})
        try:
            async with asyncio.timeout(timeout_s):
                connection: Any = await self.pool.get_connection()  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError):
            return _UNREACHABLE
        command: Sequence[str | int] = (len(self.keys), *self.keys, self.ttl_s, self.max_waiting, text)
        try:
            async with asyncio.timeout(timeout_s):
                await connection.send_command("EVAL", _ADD_ONCE, *command)
                found = await connection.read_response()
        except (RedisError, OSError, TimeoutError):
            await _drop(connection)
            return _LOST
        except asyncio.CancelledError:
            await _drop(connection)
            raise
        finally:
            await self.pool.release(connection)
        return _FULL if found == FULL else Answer(Verdict.DONE, result_json="null")


async def _drop(connection: Any) -> None:
    """Whatever still comes on the connection belongs to nobody."""
    with suppress(RedisError, OSError):
        await connection.disconnect(nowait=True)


_UNREACHABLE = Answer(
    Verdict.UNCHANGED, reason="unreachable", message="the queue cannot be reached", transient=True
)
_LOST = Answer(
    Verdict.UNKNOWN, reason="connection_lost", message="the connection to the queue broke", transient=True
)
_FULL = replace(_UNREACHABLE, reason="queue_full", message="too many requests wait in the queue")


def _queue(config_json: str) -> str:
    try:
        return Config.model_validate(canonical_json.loads(config_json)).queue
    except ValidationError:
        raise _unusable(
            "the provider configuration is not valid: it may hold `queue` and nothing else"
        ) from None


def _unusable(message: str) -> errors.Refusal:
    return errors.Refusal("PROVIDER_NOT_CONFIGURED", message)
