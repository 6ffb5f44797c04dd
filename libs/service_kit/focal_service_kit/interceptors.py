"""What surrounds every handler, in one list, and the single interceptor that runs it.

The interceptor wraps a method once, not per call, and runs the layers in the handler's own task, so
a hop costs a few function calls. Errors are mapped here because only here the outcome is known.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from typing import Any

import grpc
import grpc.aio
import prometheus_client
from opentelemetry import trace

from focal_kernel.errors import FocalError, ResourceExhausted, Unimplemented
from focal_service_kit import deadlines, errors, logging, metrics, tracing
from focal_service_kit.identity import Verifier, caller
from focal_service_kit.rpc import Layer, Rpc

Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[Any, Any], Any]
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]]

_ABORT_S = 1.0
"""Seconds the end of a call may take; a caller that reads nothing finds it when it reads again."""

_log = logging.get("rpc")


class SlowReader(ResourceExhausted):
    """The caller left a frame of its stream unread for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "SLOW_READER", "the stream is not read", metadata={"write_timeout_s": f"{seconds:g}"}
        )


def layers(
    verifier: Verifier,
    registry: prometheus_client.CollectorRegistry,
    tracer: trace.Tracer | None,
    open_methods: Collection[str] = (),
) -> list[Layer]:
    """Everything around a handler, outermost first; each is left in the reverse order.

    `open_methods` (full names with the leading slash) are called without identity.
    """
    return [
        *([tracing.ServerSpan(tracer)] if tracer else []),
        metrics.ServerCalls(registry),
        logging.CanonicalLine(),
        Deadline(),
        Identity(verifier, open_methods),
    ]


class Deadline:
    """Notes the caller's deadline, so that channels carry it to the next hop."""

    def enter(self, rpc: Rpc) -> None:
        deadlines.begin(rpc.time_remaining_s)

    def leave(self, rpc: Rpc) -> None:
        pass


class Identity:
    """Verifies the caller; health, reflection and what the service opened need none."""

    def __init__(self, verifier: Verifier, open_methods: Collection[str]) -> None:
        self._verifier = verifier
        self._open_methods = open_methods

    def enter(self, rpc: Rpc) -> None:
        caller.begin(None)
        if not rpc.open and rpc.method not in self._open_methods:
            caller.begin(self._verifier.verify(rpc.metadata))

    def leave(self, rpc: Rpc) -> None:
        pass


class Around(grpc.aio.ServerInterceptor):
    """Runs the layers around each handler and maps what it raises to a status.

    A frame that its caller does not take within `write_timeout_s` seconds ends the stream.
    """

    def __init__(
        self, layers: Sequence[Layer], translators: Sequence[errors.Translator], write_timeout_s: float
    ) -> None:
        self._layers = layers
        self._translators = translators
        self._write_timeout_s = write_timeout_s
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrap(method, handler)
            self._wrapped[method] = wrapped
        return wrapped

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        kind = (
            f"{'stream' if handler.request_streaming else 'unary'}_"
            f"{'stream' if handler.response_streaming else 'unary'}"
        )
        behaviour = self._around(method, getattr(handler, kind))
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        wrapped: grpc.RpcMethodHandler[Any, Any] = make(
            behaviour, handler.request_deserializer, handler.response_serializer
        )
        return wrapped

    def _around(self, method: str, handler: Handler) -> Handler:
        written = inspect.isasyncgenfunction(handler)
        respond = _written(handler, self._write_timeout_s) if written else handler

        async def around(request: Any, context: Context) -> Any:
            rpc = Rpc(
                method=method,
                metadata=dict(context.invocation_metadata() or ()),
                time_remaining_s=context.time_remaining(),
            )
            entered: list[Layer] = []
            try:
                for layer in self._layers:
                    layer.enter(rpc)
                    entered.append(layer)
                response = await respond(request, context)
                rpc.code = context.code() or grpc.StatusCode.OK
                return response
            except (grpc.aio.AbortError, asyncio.CancelledError) as stopped:
                rpc.code = _stopped_code(stopped, context)
                raise
            except Exception as raised:  # noqa: BLE001 - the text of no exception may leak
                refusal = self._refuse(rpc, raised, context)
            finally:
                for layer in reversed(entered):
                    layer.leave(rpc)
            return await _abort(context, refusal)

        return around

    def _refuse(self, rpc: Rpc, raised: Exception, context: Context) -> FocalError:
        error = _unimplemented(raised, context) or errors.translate(raised, self._translators)
        rpc.code, rpc.reason = errors.code(error), error.reason
        if error.reason == "INTERNAL_ERROR":
            rpc.error_id = error.metadata.get("error_id", "")
            _log.error("handler failed", method=rpc.method, error_id=rpc.error_id, exc_info=raised)
        return error


def _written(handler: Callable[[Any, Any], AsyncGenerator[Any, None]], timeout_s: float) -> Handler:
    """A generator handler as one that writes, so that its `finally` runs before the call is over."""

    async def write(request: Any, context: Context) -> None:
        async with aclosing(handler(request, context)) as responses:
            async for response in responses:
                taking = asyncio.timeout(timeout_s)
                try:
                    async with taking:
                        await context.write(response)
                except BaseException as failure:
                    if isinstance(failure, TimeoutError) and taking.expired():
                        raise SlowReader(timeout_s) from None
                    await _cancelled()
                    raise

    return write


async def _cancelled() -> None:
    """Return once this task is being cancelled.

    gRPC lets a write fail when the caller has left, and cancels the handler's task a moment later: here it
    may, but not in the middle of the handler's cleaning up.
    """
    task = asyncio.current_task()
    if task is not None and not task.cancelling():
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(_ABORT_S)


async def _abort(context: Context, refusal: FocalError) -> None:
    """End the call with the refusal; a status that the caller does not take is left to the transport."""
    try:
        async with asyncio.timeout(_ABORT_S):
            await context.abort_with_status(errors.to_status(refusal))
    except TimeoutError:
        raise grpc.aio.AbortError from None


def _unimplemented(raised: Exception, context: Context) -> FocalError | None:
    """What a generated servicer says of an RPC that nobody has overridden."""
    if isinstance(raised, NotImplementedError) and context.code() is grpc.StatusCode.UNIMPLEMENTED:
        return Unimplemented("NOT_IMPLEMENTED", "this release does not have the call")
    return None


def _stopped_code(stopped: BaseException, context: Context) -> grpc.StatusCode:
    """The code of a call that ended by abort, by its deadline or because the caller left."""
    if isinstance(stopped, grpc.aio.AbortError):
        return context.code()
    left = context.time_remaining()
    expired = left is not None and left <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if expired else grpc.StatusCode.CANCELLED
