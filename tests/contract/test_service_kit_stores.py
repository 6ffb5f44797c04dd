"""PostgreSQL and Redis through the kit, on real servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import grpc.aio
import pytest
import redis.exceptions

from focal_kernel import errors as kernel
from focal_service_kit import errors, migrations, postgres, redis_client, settings
from focal_service_kit.host import Host
from focal_service_kit.migrations import current, upgrading
from tests.fakes import echo, in_process

TOY = "tests.fakes.toy_migrations"


async def test_migrations_build_the_schema_and_a_second_run_changes_nothing(database: str) -> None:
    await migrations.upgrade(TOY, database)
    await migrations.upgrade(TOY, database)
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as pool:
        await pool.execute("INSERT INTO toy.thing (id, name) VALUES (1, 'a')")
        assert await pool.fetchval("SELECT version_num FROM toy.schema_version") == "0002"


async def test_a_start_that_finds_the_schema_up_to_date_does_without_alembic(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrations.upgrade(TOY, database)

    async def apply(module: Any, url: str) -> None:
        raise AssertionError("nothing was to be applied")

    monkeypatch.setattr(upgrading, "apply", apply)
    await migrations.upgrade(TOY, database)
    monkeypatch.setattr(current, "files_digest", lambda module: "of a revision that is new")
    with pytest.raises(AssertionError, match="nothing was to be applied"):
        await migrations.upgrade(TOY, database)


async def test_replicas_that_migrate_at_once_do_not_meet(database: str) -> None:
    await asyncio.gather(*(migrations.upgrade(TOY, database) for _ in range(5)))
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as pool:
        assert await pool.fetchval("SELECT count(*) FROM toy.schema_version") == 1


async def test_a_migration_that_fails_leaves_nothing_behind(database: str) -> None:
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as pool:
        await pool.execute("CREATE SCHEMA toy")
        await pool.execute("CREATE TYPE toy.thing AS ENUM ('in the way')")
        with pytest.raises(Exception, match="already exists"):
            await migrations.upgrade(TOY, database)
        assert await pool.fetchval("SELECT to_regclass('toy.schema_version')") is None


async def test_functions_follow_their_files(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "changing_migrations"
    (package / "functions").mkdir(parents=True)
    (package / "__init__.py").write_text('SCHEMA = "changing"')
    monkeypatch.syspath_prepend(tmp_path)
    one, two = package / "functions/one.sql", package / "functions/two.sql"
    one.write_text(
        "CREATE FUNCTION changing.one() RETURNS integer LANGUAGE sql AS $$ SELECT changing.two() $$"
    )
    two.write_text("CREATE FUNCTION changing.two() RETURNS integer LANGUAGE sql AS $$ SELECT 2 $$")
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as pool:
        await migrations.upgrade("changing_migrations", database)
        assert await pool.fetchval("SELECT changing.one()") == 2
        before = await pool.fetchval("SELECT 'changing.one'::regproc::oid")
        await migrations.upgrade("changing_migrations", database)
        assert await pool.fetchval("SELECT 'changing.one'::regproc::oid") == before

        one.write_text("CREATE FUNCTION changing.one(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$")
        two.unlink()
        await migrations.upgrade("changing_migrations", database)
        assert await pool.fetchval("SELECT changing.one('new')") == "new"
        left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'changing'::regnamespace"
        assert await pool.fetchval(left) == 1


async def test_the_limits_of_the_settings_hold_on_every_connection(database: str) -> None:
    chosen = settings.PostgresSettings(
        url=database,
        statement_timeout_ms=100,
        lock_timeout_ms=1100,
        idle_in_transaction_timeout_ms=1200,
        transaction_timeout_ms=1300,
    )
    async with postgres.pool(chosen, "toolbox") as pool:
        names = ("lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
        shown = [await pool.fetchval("SELECT current_setting($1)", name) for name in names]
        assert shown == ["1100ms", "1200ms", "1300ms"]
        assert await pool.fetchval("SHOW application_name") == "focal-toolbox"
        with pytest.raises(asyncpg.QueryCanceledError) as caught:
            await pool.execute("SELECT pg_sleep(5)")
    assert isinstance(postgres.translate(caught.value), kernel.Unavailable)


async def test_a_connection_that_comes_back_in_a_transaction_is_cleaned(database: str) -> None:
    chosen = settings.PostgresSettings(url=database, pool_min=1, pool_max=1)
    async with postgres.pool(chosen, "test") as pool:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            await connection.execute("CREATE TABLE leftover ()")
        assert await pool.fetchval("SELECT to_regclass('leftover')") is None


async def refusal(translators: tuple[errors.Translator, ...], work: Any) -> kernel.FocalError:
    """What a caller sees of a handler that awaits `work()`."""

    async def unary(request: Any, context: Any) -> Any:
        await work()
        return request

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build, translators=translators) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await echo.Stub(running.channel()).unary(echo.text(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    return errors.from_rpc(caught.value)


async def test_a_lost_database_connection_is_a_dependency_that_is_away(database: str) -> None:
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as pool:

        async def kill_own_connection() -> None:
            await pool.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        error = await refusal((postgres.translate,), kill_own_connection)
        assert (error.reason, error.metadata) == ("DEPENDENCY_UNAVAILABLE", {"dependency": "postgres"})
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_database_that_does_not_answer_is_a_dependency_that_is_away(database: str) -> None:
    """A frozen server cannot end a statement itself: only our side's limit does."""
    frozen = settings.PostgresSettings(url=database, command_timeout_s=0.2, statement_timeout_ms=0)
    async with postgres.pool(frozen, "test") as pool:
        error = await refusal((postgres.translate,), lambda: pool.execute("SELECT pg_sleep(30)"))
    assert error.reason == "DEPENDENCY_UNAVAILABLE"


async def test_a_database_that_refuses_connections_is_a_dependency_that_is_away() -> None:
    nowhere = settings.PostgresSettings(url="postgresql://127.0.0.1:1/none", pool_min=0)
    async with postgres.pool(nowhere, "test") as pool:
        error = await refusal((postgres.translate,), lambda: pool.fetchval("SELECT 1"))
        with pytest.raises(kernel.Unavailable):
            await postgres.ready(pool)()
    assert error.reason == "DEPENDENCY_UNAVAILABLE"


async def test_redis_answers_in_bytes_and_is_ready(redis_url: str) -> None:
    async with redis_client.connect(settings.RedisSettings(url=redis_url)) as client:
        await client.set("key", "value")
        assert await client.get("key") == b"value"
        await redis_client.ready(client)()


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_silent_redis_costs_no_more_than_its_timeout(silent_server: int) -> None:
    chosen = settings.RedisSettings(url=f"redis://127.0.0.1:{silent_server}/0", timeout_s=0.1)
    async with redis_client.connect(chosen) as client:
        started = asyncio.get_running_loop().time()
        with pytest.raises(redis.exceptions.RedisError) as caught:
            await client.ping()
        assert asyncio.get_running_loop().time() - started < 1
    translated = redis_client.translate(caught.value)
    assert translated is not None
    assert translated.metadata == {"dependency": "redis"}


async def test_the_migrate_command_needs_a_database_and_no_keys(database: str, tmp_path: Path) -> None:
    from focal_service_kit import service

    class ToySettings(settings.WithPostgres, settings.ServiceSettings):
        """Settings of the toy."""

    async def build(chosen: ToySettings, host: Host) -> None:
        raise AssertionError("migrate does not build")

    toy = service.Definition("toy", ToySettings, build, migrations=TOY)
    code = await asyncio.to_thread(service.run, toy, ["migrate"], {"FOCAL_POSTGRES_URL": database})
    assert code == 0
    async with postgres.pool(settings.PostgresSettings(url=database), "test") as pool:
        assert await pool.fetchval("SELECT version_num FROM toy.schema_version") == "0002"
