"""Provider `internal`: one function of a package that the operator named.

A coroutine runs in the event loop, any other function in a thread of its own, so many at once and no
more. Threads cannot be stopped: one that outlives its time keeps its place until it ends, and no process
waits for it at exit.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import cachetools
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focal_kernel import canonical_json
from focal_kernel.tools import CONTEXT, Context, Function, Refused
from focal_service_kit import logging
from focal_toolbox import errors
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.result import Progress
from focal_toolbox.ports.providers import Availability, Notify

CONFIGS_KEPT = 1024
MESSAGE_LENGTH = 200

_log = logging.get("internal")


class Config(BaseModel):
    """`provider_config` of a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    function: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """Threads at once, bytes of a result."""

    threads: int
    result_bytes: int


class InternalProvider:
    """Calls `functions` by name."""

    def __init__(self, functions: Mapping[str, Function], limits: Limits, running: Running) -> None:
        self._functions = functions
        self._limits = limits
        self._running = running
        self._configs: cachetools.LRUCache[str, Config] = cachetools.LRUCache(CONFIGS_KEPT)

    def availability(self) -> Availability:
        if not self._functions:
            return Availability(available=False, reason="the setting internal.packages names no functions")
        if self._running.stuck >= self._limits.threads:
            return Availability(
                available=False,
                reason=f"all {self._limits.threads} threads are held by calls that nobody waits for any more",
            )
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> InternalDispatch:
        name = self._config(config_json).function
        function = self._functions.get(name)
        if function is None:
            raise errors.Refusal("PROVIDER_NOT_CONFIGURED", f"no function {name[:64]!r} is registered here")
        if not function.fits(arguments):
            raise errors.Refusal(
                "INVALID_TOOL_ARGUMENTS", f"the function {name!r} takes other arguments than these"
            )
        return InternalDispatch(function, tenant_id, arguments, self._limits, self._running)

    def _config(self, config_json: str) -> Config:
        known = self._configs.get(config_json)
        if known is None:
            known = self._configs[config_json] = _parse(config_json)
        return known


@dataclass(slots=True)
class Running:
    """What runs in this process: places for threads, coroutines under way, threads beyond their time."""

    places: asyncio.Semaphore
    tasks: set[asyncio.Task[Answer]] = field(default_factory=set)
    stuck: int = 0


@asynccontextmanager
async def running(limits: Limits) -> AsyncIterator[Running]:
    """Cancels at its end what still runs in the event loop."""
    found = Running(asyncio.Semaphore(limits.threads))
    try:
        yield found
    finally:
        for task in found.tasks:
            task.cancel()


def _untold(progress: Progress) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class InternalDispatch:
    """A call that is ready to be made."""

    function: Function
    tenant_id: str
    arguments: Mapping[str, Any]
    limits: Limits
    running: Running
    notify: Notify = _untold

    @property
    def host(self) -> str:
        return f"internal:{self.function.call.__module__}"

    def telling(self, notify: Notify) -> InternalDispatch:
        return replace(self, notify=notify)

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        deadline = time.monotonic() + timeout_s
        context = Context(self.tenant_id, idempotency_key, deadline, self._tell())
        given = {**self.arguments, CONTEXT: context} if self.function.wants_context else self.arguments
        if self.function.asynchronous:
            return await self._in_loop(given, timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                await self.running.places.acquire()
        except TimeoutError:
            return _busy()
        return await self._in_thread(given, deadline)

    async def _in_loop(self, given: Mapping[str, Any], timeout_s: float) -> Answer:
        task = asyncio.create_task(self._awaited(given), name=f"function {self.function.name}")
        self.running.tasks.add(task)
        task.add_done_callback(self.running.tasks.discard)
        try:
            # Not asyncio.timeout: a function that swallows its cancellation would hold us up.
            await asyncio.wait({task}, timeout=timeout_s)
        finally:
            task.cancel()
        return task.result() if task.done() and not task.cancelled() else _late()

    async def _awaited(self, given: Mapping[str, Any]) -> Answer:
        try:
            found = await self.function.call(**given)
        except asyncio.CancelledError:
            return _late()
        except BaseException as failure:  # noqa: BLE001 - whatever it raises, even SystemExit, ends the call alone
            return _raised(self.function, failure)
        return _returned(found, self.limits.result_bytes)

    async def _in_thread(self, given: Mapping[str, Any], deadline: float) -> Answer:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Answer] = loop.create_future()
        late = False

        def free(answer: Answer) -> None:
            self.running.places.release()
            self.running.stuck -= late
            if not ended.done():
                ended.set_result(answer)

        def work() -> None:
            answer = self._called(given)
            with suppress(RuntimeError):  # the loop has closed, nobody waits
                loop.call_soon_threadsafe(free, answer)

        # Daemon: a function that hangs must not keep the process from ending.
        threading.Thread(target=work, name=f"function {self.function.name}", daemon=True).start()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await asyncio.shield(ended)
        except TimeoutError:
            return _late()
        finally:
            if not ended.done():
                late = True
                self.running.stuck += 1

    def _called(self, given: Mapping[str, Any]) -> Answer:
        try:
            return _returned(self.function.call(**given), self.limits.result_bytes)
        except BaseException as failure:  # noqa: BLE001 - it ends this call alone
            return _raised(self.function, failure)

    def _tell(self) -> Callable[[str, float], None]:
        loop, notify = asyncio.get_running_loop(), self.notify

        def tell(message: str, fraction: float = 0.0) -> None:
            share = min(max(fraction, 0.0), 1.0)
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(notify, Progress(str(message)[:MESSAGE_LENGTH], share))

        return tell


def _returned(found: object, limit: int) -> Answer:
    """The function came to its end; a result that nobody can read leaves the rest unknown."""
    try:
        text = canonical_json.dumps(found)
    except ValueError:
        return Answer(
            Verdict.UNKNOWN, reason="invalid_response", message="the function's result has no JSON form"
        )
    if len(text.encode()) > limit:
        return Answer(
            Verdict.UNKNOWN,
            reason="response_too_large",
            message=f"the function's result is longer than {limit} bytes",
        )
    return Answer(Verdict.DONE, result_json=text)


def _raised(function: Function, failure: BaseException) -> Answer:
    if isinstance(failure, Refused):
        return Answer(
            Verdict.UNCHANGED,
            reason=failure.reason,
            message=(failure.message or "the function refused the call")[:MESSAGE_LENGTH],
            transient=failure.passing,
        )
    return _failed(function, type(failure).__name__)


def _failed(function: Function, kind: str) -> Answer:
    """Its text may hold what nobody should read; the kind is enough to find it."""
    _log.error("function failed", function=function.name, kind=kind)
    return Answer(Verdict.UNKNOWN, reason="function_failed", message="the function failed")


def _late() -> Answer:
    return Answer(
        Verdict.UNKNOWN, reason="timeout", message="the function did not end in time", transient=True
    )


def _busy() -> Answer:
    return Answer(
        Verdict.UNCHANGED,
        reason="busy",
        message="no thread was free in time, so the function was not called",
        transient=True,
    )


def _parse(config_json: str) -> Config:
    try:
        return Config.model_validate(canonical_json.loads(config_json))
    except (ValidationError, ValueError):
        raise errors.Refusal(
            "PROVIDER_NOT_CONFIGURED", "the provider configuration is not {function: name}"
        ) from None
