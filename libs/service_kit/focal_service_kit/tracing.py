"""OpenTelemetry spans for RPCs; off by default, and then the SDK is not even imported.

The trace travels as the W3C `traceparent` header, written and read here: the aio client interceptor
of OpenTelemetry breaks cancellation of unary calls and costs a third of the throughput.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from focal_service_kit import logging, settings
from focal_service_kit.rpc import Rpc

Argument = TypeVar("Argument")

_w3c = TraceContextTextMapPropagator()


def start(chosen: settings.TracingSettings, service: str) -> tuple[trace.Tracer | None, Callable[[], None]]:
    """A tracer that exports to the collector, and the function that flushes it; None when off."""
    if not chosen.otlp_endpoint:
        return None, lambda: None
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        resource=Resource.create({"service.name": f"focal-{service}"}),
        sampler=ParentBased(TraceIdRatioBased(chosen.sample_ratio)),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(
        endpoint=chosen.otlp_endpoint, insecure=chosen.otlp_endpoint.startswith("http://")
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("focal_service_kit"), provider.shutdown


class ServerSpan:
    """The layer that opens a span per RPC as a child of the caller's."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def enter(self, call: Rpc) -> None:
        headers = {key: value for key, value in call.metadata.items() if isinstance(value, str)}
        call.span = self._tracer.start_span(
            call.method.lstrip("/"), context=_w3c.extract(headers), kind=trace.SpanKind.SERVER
        )
        call.fields["trace"] = format(call.span.get_span_context().trace_id, "032x")
        # The RPC's task owns its context, so nothing has to be detached.
        context.attach(trace.set_span_in_context(call.span))

    def leave(self, call: Rpc) -> None:
        if call.span is not None:
            end(call.span, call.code)


def start_client(tracer: trace.Tracer, method: str) -> tuple[trace.Span, dict[str, str]]:
    """A span for an outgoing call and the headers that carry it."""
    span = tracer.start_span(method.lstrip("/"), kind=trace.SpanKind.CLIENT)
    headers: dict[str, str] = {}
    _w3c.inject(headers, context=trace.set_span_in_context(span))
    return span, headers


@contextmanager
def continued(traceparent: str) -> Iterator[None]:
    """Spans and log lines of the enclosed work belong to the trace of a W3C `traceparent`; empty: nothing."""
    if not traceparent:
        yield
        return
    token = context.attach(_w3c.extract({"traceparent": traceparent}))
    try:
        with logging.bound(trace=trace_id(traceparent)):
            yield
    finally:
        context.detach(token)


def trace_id(traceparent: str) -> str:
    """The trace's id in a well-formed `traceparent`; empty for an empty one."""
    return traceparent[3:35]


def end(span: trace.Span, code: grpc.StatusCode) -> None:
    """Close a span with the RPC's outcome."""
    span.set_attribute("rpc.grpc.status_code", int(code.value[0]))
    if code is not grpc.StatusCode.OK:
        span.set_status(trace.StatusCode.ERROR, code.name)
    span.end()


def current_trace_id() -> str:
    """The W3C trace id of what runs here, 32 hexadecimal digits; empty when tracing is off."""
    found = trace.get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else ""


def current_traceparent() -> str:
    """What runs here as a W3C `traceparent` for who goes on with it; empty when there is no trace."""
    headers: dict[str, str] = {}
    _w3c.inject(headers)
    return headers.get("traceparent", "")


def traced(
    tracer: trace.Tracer | None, name: str, work: Callable[[Argument], Awaitable[None]]
) -> Callable[[Argument], Awaitable[None]]:
    """`work` with a trace of its own per call, for what no RPC asked for; as it is when tracing is off."""
    if tracer is None:
        return work

    async def within(argument: Argument) -> None:
        with tracer.start_as_current_span(name, context=context.Context()):
            await work(argument)

    return within
