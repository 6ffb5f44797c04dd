"""Real PostgreSQL and Valkey for tests: one server of each per worker, one database per test.

A test that asks for ``database`` names the services whose tables it needs::

    @pytest.mark.migrated("focal_turn_gateway", "focal_toolbox")
    async def test_…(database: str) -> None: ...

Each set of services is migrated once per worker into a template database; every test gets a clone
and the clone is dropped behind it. ``FOCAL_POSTGRES_URL`` and ``FOCAL_REDIS_URL`` replace the
embedded servers; the named Redis database is emptied.
"""

import asyncio
import itertools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
import redis

from focal_cli.local import children, ports, postgres, valkey

READY_TIMEOUT_S = 30.0
STOP_GRACE_S = 5.0

MakeTemplate = Callable[..., Awaitable[str]]


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "migrated(*modules): services whose migrations the `database` fixture holds"
    )


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder for the servers' data, gone after the session."""
    folder = Path(tempfile.mkdtemp(prefix="focal-tests-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[str]:
    """URL of a server on which the test may create databases (not crash safe: fsync is off)."""
    if url := os.environ.get("FOCAL_POSTGRES_URL"):
        yield url
        return
    cluster = postgres.prepare(servers_folder / "postgres")
    port = ports.choose()[0]
    command = cluster.command(port, durable=False)
    with _running(command, servers_folder / "postgres.log", lambda child: cluster.is_ready(child.pid)):
        yield cluster.url(port)


@pytest.fixture(scope="session")
def valkey_server(servers_folder: Path) -> Iterator[str]:
    """URL of database 0 of a server that keeps nothing on disk."""
    if url := os.environ.get("FOCAL_REDIS_URL"):
        yield url
        return
    store = valkey.prepare(servers_folder / "valkey")
    port = ports.choose()[0]
    command = store.command(port, durable=False)
    with _running(command, servers_folder / "valkey.log", lambda _: store.is_ready(port)):
        yield store.url(port)


@pytest.fixture(scope="session")
def template_database(postgres_server: str) -> MakeTemplate:
    """``await template_database("focal_toolbox", …)``: the name of a migrated database to clone."""
    made: dict[tuple[str, ...], str] = {}

    async def make(*modules: str) -> str:
        key = tuple(sorted(modules))
        if key not in made:
            name = f"template_{secrets.token_hex(6)}"
            await _execute(postgres_server, f'CREATE DATABASE "{name}"')
            await _execute(_with_database(postgres_server, name), "CREATE EXTENSION IF NOT EXISTS vector")
            for module in key:
                await _migrate(module, _with_database(postgres_server, name))
            made[key] = name
        return made[key]

    return make


@pytest_asyncio.fixture
async def database(
    request: pytest.FixtureRequest, postgres_server: str, template_database: MakeTemplate
) -> AsyncIterator[str]:
    """URL of a database of this test's own, with the tables that ``migrated`` names."""
    marker = request.node.get_closest_marker("migrated")
    template = await template_database(*(marker.args if marker else ()))
    name = f"test_{secrets.token_hex(6)}"
    # Copied as files, a template costs a third of what it costs through the log.
    await _execute(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield _with_database(postgres_server, name)
    await _execute(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


_numbers = itertools.count()


@pytest.fixture
def redis_url(valkey_server: str) -> str:
    """URL of an empty numbered database. Channels of pub/sub are shared by all numbers."""
    url = valkey_server
    if "FOCAL_REDIS_URL" not in os.environ:
        url = _with_database(valkey_server, str(next(_numbers) % 64))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@contextmanager
def _running(
    command: children.Command, log: Path, is_ready: Callable[[children.Child], bool]
) -> Iterator[None]:
    with log.open("wb") as output:
        child = children.start(command, output)
    try:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not is_ready(child):
            assert child.exit_code() is None, log.read_text()
            assert time.monotonic() < deadline, f"not ready in time: {log.read_text()}"
            time.sleep(0.01)
        yield
    finally:
        child.stop(command.stop_signal, STOP_GRACE_S)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(module: str, url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "migrate"),
        env=os.environ | {"FOCAL_POSTGRES_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{module} migrate failed: {output.decode()}"


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
