"""What a call leaves behind: a log line, a metric, a span."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from focal_kernel import errors as kernel
from focal_service_kit import channels, logging, metrics, settings
from focal_service_kit.host import Host
from tests.fakes import echo, in_process


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What was logged, as JSON lines."""
    out = io.StringIO()
    logging.configure(settings.LoggingSettings(level="debug", format="json"), "toolbox", out)
    yield out
    structlog.reset_defaults()


def logged(out: io.StringIO, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


async def handled(behaviour: Any, token: str | None = None, **options: Any) -> Host:
    """Serve one unary call with `behaviour` and return the host, whatever came of it."""

    async def build(host: Host) -> None:
        echo.add(host, unary=behaviour)

    async with in_process.serving("toolbox", build, **options) as running:
        token = token or running.deployment.internal_token("toolbox", session_id="ses_1", turn_id="trn_1")
        with contextlib.suppress(grpc.aio.AioRpcError):
            await echo.Stub(running.channel(token)).unary(echo.text("customer text"), timeout=5)
        return running.host


async def test_each_call_writes_one_canonical_line_with_its_caller_and_bound_fields(
    lines: io.StringIO,
) -> None:
    async def unary(request: Any, context: Any) -> Any:
        logging.bind(tool="refund")
        logging.get("handler").info("halfway")
        return request

    await handled(unary)
    (line,) = logged(lines, "rpc")
    duration = line.pop("duration_ms")
    assert 0 < duration < 5000
    line.pop("timestamp")
    assert line == {
        "event": "rpc",
        "level": "info",
        "log": "rpc",
        "service": "toolbox",
        "method": f"/{echo.SERVICE}/unary",
        "code": "OK",
        "caller": "internal:turn_gateway",
        "tenant": "acme",
        "session": "ses_1",
        "turn": "trn_1",
        "tool": "refund",
    }
    assert logged(lines, "halfway")[0]["tool"] == "refund"
    assert "customer text" not in lines.getvalue()


async def test_a_field_bound_by_a_task_of_the_call_is_on_its_line(lines: io.StringIO) -> None:
    async def look_up() -> None:
        logging.bind(found=3)

    async def unary(request: Any, context: Any) -> Any:
        async with asyncio.TaskGroup() as group:
            group.create_task(look_up())
        return request

    await handled(unary)
    (line,) = logged(lines, "rpc")
    assert line["found"] == 3


async def test_fields_bound_in_one_call_are_gone_in_the_next(lines: io.StringIO) -> None:
    async def unary(request: Any, context: Any) -> Any:
        if request.value == "first":
            logging.bind(only="here")
        return request

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build) as running:
        stub = echo.Stub(running.channel())
        for value in ("first", "second"):
            await stub.unary(echo.text(value), timeout=5)
    assert ["only" in line for line in logged(lines, "rpc")] == [True, False]


async def test_a_refused_call_is_logged_with_code_and_reason(lines: io.StringIO) -> None:
    async def unary(request: Any, context: Any) -> Any:
        raise kernel.NotFound("TOOL_NOT_FOUND", "no such tool")

    host = await handled(unary)
    (line,) = logged(lines, "rpc")
    assert (line["code"], line["reason"]) == ("NOT_FOUND", "TOOL_NOT_FOUND")
    labels = {"method": f"/{echo.SERVICE}/unary", "code": "NOT_FOUND"}
    assert host.metrics.get_sample_value("focal_rpc_server_seconds_count", labels) == 1
    assert host.metrics.get_sample_value("focal_rpc_in_flight") == 0


async def test_the_code_that_a_handler_aborts_with_or_sets_is_logged(lines: io.StringIO) -> None:
    async def aborts(request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.DATA_LOSS, "as it is")

    async def sets(request: Any, context: Any) -> Any:
        context.set_code(grpc.StatusCode.OUT_OF_RANGE)
        return request

    await handled(aborts)
    await handled(sets)
    assert [line["code"] for line in logged(lines, "rpc")] == ["DATA_LOSS", "OUT_OF_RANGE"]


async def test_an_unforeseen_error_is_logged_once_with_its_trace_and_id(lines: io.StringIO) -> None:
    async def unary(request: Any, context: Any) -> Any:
        raise RuntimeError("hunter2")

    await handled(unary)
    (failure,) = logged(lines, "handler failed")
    assert "hunter2" in failure["exception"]
    (line,) = logged(lines, "rpc")
    assert line["error_id"] == failure["error_id"] != ""


async def test_a_call_without_identity_is_logged_and_counted_too(lines: io.StringIO) -> None:
    async def unary(request: Any, context: Any) -> Any:
        return request

    host = await handled(unary, token="nonsense")
    (line,) = logged(lines, "rpc")
    assert (line["code"], line["reason"]) == ("UNAUTHENTICATED", "INVALID_TOKEN")
    assert "caller" not in line
    assert host.metrics.get_sample_value("focal_rpc_in_flight") == 0


def test_the_metrics_page_shows_what_was_served() -> None:
    registry = metrics.registry()
    metrics.Durations("focal_test_seconds", "Seconds", "method", registry).observe(
        "/a", grpc.StatusCode.OK, 0.003
    )
    with (
        metrics.page(settings.MetricsSettings(listen="127.0.0.1:0"), registry) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply,
    ):
        text = reply.read().decode()
    assert 'focal_test_seconds_bucket{code="OK",le="0.005",method="/a"} 1.0' in text
    assert "process_resident_memory_bytes" in text


def test_without_an_address_there_is_no_metrics_page() -> None:
    with metrics.page(settings.MetricsSettings(), metrics.registry()) as port:
        assert port is None


async def test_a_trace_runs_through_both_hops() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    deployment = in_process.Deployment()

    async def answer(request: Any, context: Any) -> Any:
        return request

    async def build_back(host: Host) -> None:
        echo.add(host, unary=answer)

    async with in_process.serving("toolbox", build_back, deployment=deployment, tracer=tracer) as back:

        async def build_front(host: Host) -> None:
            stub = echo.Stub(host.channel(channels.ChannelSettings("toolbox", back.target)))

            async def forward(request: Any, context: Any) -> Any:
                return await stub.unary(request, timeout=5)

            echo.add(host, unary=forward)

        async with in_process.serving("pipeline", build_front, deployment=deployment, tracer=tracer) as front:
            stub = echo.Stub(front.channel())
            parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            await stub.unary(echo.text(), timeout=5, metadata=[("traceparent", parent)])
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.both(iter([echo.text()]), timeout=5).read()
    spans = {(span.kind.name, span.context.span_id): span for span in exporter.get_finished_spans()}
    servers = [span for (kind, _), span in spans.items() if kind == "SERVER"]
    (client,) = [span for (kind, _), span in spans.items() if kind == "CLIENT"]
    assert {format(span.context.trace_id, "032x") for span in servers} == {"0af7651916cd43dd8448eb211c80319c"}
    parents = {span.parent.span_id for span in servers if span.parent}
    assert parents == {0xB7AD6B7169203331, client.context.span_id}
