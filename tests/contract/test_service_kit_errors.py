"""Errors on the wire: what a handler raises, and what its caller sees."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest

from focal_kernel import errors as kernel
from focal_service_kit import errors
from focal_service_kit.host import Host
from tests.fakes import echo, in_process

SECRET = "postgres://admin:hunter2@db"


async def failure_of(raised: BaseException, shape: str) -> grpc.aio.AioRpcError:
    async def unary(request: Any, context: Any) -> Any:
        raise raised

    async def stream(request: Any, context: Any) -> Any:
        yield echo.text("first")
        raise raised

    async def build(host: Host) -> None:
        echo.add(host, unary=unary, server_stream=stream, client_stream=unary, both=stream)

    async with in_process.serving("toolbox", build) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _call(echo.Stub(running.channel()), shape)
    return caught.value


async def _call(stub: echo.Stub, shape: str) -> None:
    request: Any = iter([echo.text()]) if shape in ("client_stream", "both") else echo.text()
    call = getattr(stub, shape)(request, timeout=5)
    if shape in ("server_stream", "both"):
        assert [item async for item in call]
    else:
        await call


SHAPES = ["unary", "client_stream", "server_stream", "both"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_an_error_of_ours_arrives_with_status_reason_violations_and_wait(shape: str) -> None:
    failure = await failure_of(
        kernel.InvalidArgument(
            "INVALID_FIELD",
            "the text is empty",
            metadata={"limit": "10"},
            violations=[kernel.FieldViolation("text", "must not be empty")],
            retry_after_s=1.5,
        ),
        shape,
    )
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    seen = errors.from_rpc(failure)
    assert isinstance(seen, kernel.InvalidArgument)
    assert (seen.reason, seen.message) == ("INVALID_FIELD", "the text is empty")
    assert seen.metadata == {"limit": "10"}
    assert seen.violations == (kernel.FieldViolation("text", "must not be empty"),)
    assert seen.retry_after_s == 1.5


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_text_of_an_unforeseen_exception_stays_in_the_log(
    shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = await failure_of(RuntimeError(SECRET), shape)
    assert failure.code() is grpc.StatusCode.INTERNAL
    seen = errors.from_rpc(failure)
    assert seen.reason == "INTERNAL_ERROR"
    everything = f"{failure.details()}{failure.debug_error_string()}{failure.trailing_metadata()}"
    assert "hunter2" not in everything
    assert "Traceback" not in everything
    assert seen.metadata["error_id"] in (failure.details() or "")


async def test_a_list_of_violations_too_long_for_headers_is_cut_and_counted() -> None:
    violations = [kernel.FieldViolation(f"file[{n}]", "x" * 100) for n in range(500)]
    failure = await failure_of(
        kernel.InvalidArgument("INVALID_BUNDLE", "bad", violations=violations), "unary"
    )
    seen = errors.from_rpc(failure)
    assert seen.reason == "INVALID_BUNDLE"
    assert 10 < len(seen.violations) < 100
    left = 500 - (len(seen.violations) - 1)
    assert seen.violations[-1].description == f"and {left} more"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_call_that_no_servicer_overrides_is_unimplemented_with_its_reason(shape: str) -> None:
    def as_generated(request: Any, context: Any) -> Any:
        context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        context.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")

    async def build(host: Host) -> None:
        echo.add(host, **{shape: as_generated})

    async with in_process.serving("toolbox", build) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _call(echo.Stub(running.channel()), shape)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert errors.from_rpc(caught.value).reason == "NOT_IMPLEMENTED"


async def test_an_abort_by_the_handler_passes_unchanged() -> None:
    async def unary(request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.DATA_LOSS, "as it is")

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await echo.Stub(running.channel()).unary(echo.text(), timeout=5)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.DATA_LOSS, "as it is")
