"""Reports on the stream `tools.results` of Valkey (or Redis): a consumer group of all toolboxes.

Whoever dies with reports in its hands is waited for a while; then another toolbox takes them over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from focal_kernel import canonical_json, errors
from focal_kernel.errors import FieldViolation
from focal_toolbox.domain import report
from focal_toolbox.domain.report import Report
from focal_toolbox.errors import BadRequest
from focal_toolbox.ports.reports import Arrival

STREAM = "tools.results"
DEAD_LETTERS = "tools.results.dead"
GROUP = "focal"
SCHEMA_VERSION = 1

# Only who takes the entry off the group's list of unsettled ones buries it.
_BURY = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
redis.call('XDEL', KEYS[1], ARGV[2])
"""


class ReportStream:
    """`ports.ReportQueue` of one process, named `consumer`; times in seconds."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        consumer: str,
        *,
        at_once: int,
        block_s: float,
        claim_s: float,
        dead_letters: int,
    ) -> None:
        self._client = client
        self._consumer = consumer
        self._at_once = at_once
        self._block_ms = math.ceil(block_s * 1000)
        self._claim_ms = math.ceil(claim_s * 1000)
        self._dead_letters = dead_letters
        self._bury = client.register_script(_BURY)

    async def take(self) -> Sequence[Arrival]:
        with _away():
            try:
                return await self._take()
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                await self._create()
                return ()

    async def settle(self, arrival: Arrival) -> None:
        with _away():
            async with self._client.pipeline(transaction=True) as both:
                both.xack(STREAM, GROUP, arrival.entry_id)
                both.xdel(STREAM, arrival.entry_id)
                await both.execute()

    async def bury(self, arrival: Arrival, reason: str, detail: str) -> None:
        fields: list[str | bytes] = ["envelope", arrival.envelope, "entry", arrival.entry_id]
        fields += ["reason", reason, "detail", detail]
        with _away():
            await self._bury(
                keys=[STREAM, DEAD_LETTERS], args=[GROUP, arrival.entry_id, self._dead_letters, *fields]
            )

    async def _take(self) -> Sequence[Arrival]:
        """What others left behind before what is new."""
        claimed: Any = await self._client.xautoclaim(
            STREAM, GROUP, self._consumer, min_idle_time=self._claim_ms, count=self._at_once
        )
        if claimed[1]:
            return [_arrival(*entry) for entry in claimed[1]]
        fresh: Any = await self._client.xreadgroup(
            GROUP, self._consumer, {STREAM: ">"}, count=self._at_once, block=self._block_ms
        )
        return [_arrival(*entry) for _, entries in fresh or () for entry in entries]

    async def _create(self) -> None:
        """From its beginning: partners may have reported before any toolbox looked."""
        try:
            await self._client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def read(envelope: bytes, max_bytes: int) -> tuple[str, Report]:
    """Token and report of an envelope: a JSON object with `schema_version` 1, `token`, and `status` SUCCESS
    with `result`, or ERROR with `reason`. BadRequest for anything else.
    """
    found = _object(envelope, 5 * max_bytes)
    if found.get("schema_version") != SCHEMA_VERSION:
        raise _bad("schema_version", f"must be {SCHEMA_VERSION}")
    token = _text(found, "token")
    match found.get("status"):
        case "SUCCESS":
            result = canonical_json.dumps(found.get("result"))
            return token, _checked("result", lambda: report.done(result, max_bytes))
        case "ERROR":
            reason = _text(found, "reason")
            return token, _checked("reason", lambda: report.failed(reason))
    raise _bad("status", "must be SUCCESS or ERROR")


def _object(envelope: bytes, max_bytes: int) -> Mapping[str, Any]:
    if len(envelope) > max_bytes:
        raise _bad("envelope", f"must be at most {max_bytes} bytes")
    try:
        found = canonical_json.loads(envelope.decode())
    except ValueError:
        raise _bad("envelope", "must be JSON") from None
    if not isinstance(found, dict):
        raise _bad("envelope", "must be a JSON object")
    return found


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str):
        raise _bad(name, "must be a string")
    return value


def _checked(field: str, make: Callable[[], Report]) -> Report:
    try:
        return make()
    except ValueError as wrong:
        raise _bad(field, str(wrong)) from None


def _arrival(entry_id: bytes, fields: dict[bytes, bytes] | None) -> Arrival:
    return Arrival(entry_id.decode(), (fields or {}).get(b"envelope", b""))


def _bad(field: str, description: str) -> BadRequest:
    return BadRequest(FieldViolation(field, description))


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise errors.Unavailable(
            "DEPENDENCY_UNAVAILABLE",
            f"the queue of reports is away ({type(error).__name__})",
            metadata={"dependency": "redis"},
        ) from error
