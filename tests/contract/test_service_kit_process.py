"""A service as an operator meets it: command line, exit codes, signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest

from tests.fakes import echo, in_process
from tests.fakes.until import until

ROOT = Path(__file__).parents[2]
DEPLOYMENT = in_process.Deployment()


def environment(directory: Path, **extra: str) -> dict[str, str]:
    keys = {f"FOCAL_TOY__{key}": value for key, value in DEPLOYMENT.write(directory).items()}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **keys, **extra}


async def start(environ: dict[str, str], *arguments: str) -> Process:
    module = "tests.fakes.toy_service"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, cwd=ROOT, env=environ, stdout=PIPE, stderr=PIPE
    )


async def finished(environ: dict[str, str], *arguments: str) -> tuple[int | None, str, str]:
    process = await start(environ, *arguments)
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def serving(directory: Path, **extra: str) -> AsyncIterator[tuple[Process, str]]:
    """The toy, listening; yields the process and its target."""
    port_file = directory / "port"
    process = await start(environment(directory, FOCAL_TOY__GRPC__PORT_FILE=str(port_file), **extra))
    try:
        await until(port_file.exists, "the port file appears", timeout_s=20)
        yield process, f"127.0.0.1:{port_file.read_text()}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_help_lists_every_setting_with_name_default_and_meaning(tmp_path: Path) -> None:
    code, out, _ = await finished({"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}, "--help")
    assert code == 0
    assert 'FOCAL_TOY__GRPC__LISTEN = "127.0.0.1:0"' in out
    assert "host:port to serve on" in out
    assert "FOCAL_TOY__LLM__BASE_URL (or FOCAL_LLM_BASE_URL)" in out


async def test_check_config_prints_what_is_in_force_without_secrets(tmp_path: Path) -> None:
    environ = environment(
        tmp_path,
        FOCAL_LLM_API_KEY="hunter2",
        FOCAL_LLM_BASE_URL="http://user:hunter3@model/v1",
        FOCAL_TOY__DRAIN__GRACE_S="7",
    )
    code, out, err = await finished(environ, "--check-config")
    assert (code, err) == (0, "")
    assert "drain.grace_s = 7.0" in out
    assert 'llm.api_key = "********"' in out
    assert 'llm.base_url = "http://user:********@model/v1"' in out
    assert "hunter" not in out


async def test_bad_settings_end_with_code_2_and_name_every_key(tmp_path: Path) -> None:
    environ = environment(tmp_path, FOCAL_TOY__GRPC__LISTN="x", FOCAL_TOY__COLOUR="red")
    for arguments in (["--check-config"], []):
        code, out, err = await finished(environ, *arguments)
        assert (code, out) == (2, "")
        assert err == "toy: colour: no such setting\ntoy: grpc.listn: no such setting\n"


async def test_missing_keys_are_a_settings_error(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    del environ["FOCAL_TOY__AUTH__INTERNAL_KEY_FILE"]
    code, _, err = await finished(environ, "--check-config")
    assert (code, err) == (2, "toy: auth.internal_key_file: required\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_the_process_and_ends_it_with_code_0(tmp_path: Path, number: int) -> None:
    async with serving(tmp_path) as (process, target):
        async with grpc.aio.insecure_channel(target) as channel:
            authorization = ("authorization", f"Bearer {DEPLOYMENT.tenant_token()}")
            reply = await echo.Stub(channel).unary(
                echo.text("hello"), timeout=5, metadata=[authorization], wait_for_ready=True
            )
            assert reply.value == "hello"
        process.send_signal(number)
        async with asyncio.timeout(5):
            assert await process.wait() == 0


async def test_a_background_task_that_fails_ends_the_process_with_code_1(tmp_path: Path) -> None:
    code, _, err = await finished(environment(tmp_path, TOY_FAILS="background"))
    assert code == 1
    assert "background failure" in err


async def test_a_service_that_cannot_be_built_says_why_in_its_log_and_ends_with_code_1(
    tmp_path: Path,
) -> None:
    code, out, err = await finished(environment(tmp_path, TOY_FAILS="build"))
    assert (code, out) == (1, "")
    lines = [json.loads(line) for line in err.splitlines()]
    assert lines[-1]["event"] == "cannot run"
    assert "build failure" in lines[-1]["exception"]


async def test_a_port_that_is_taken_is_a_settings_error(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, target):
        code, _, err = await finished(environment(tmp_path, FOCAL_TOY__GRPC__LISTEN=target))
    assert code == 2
    assert f"cannot bind {target}" in err
