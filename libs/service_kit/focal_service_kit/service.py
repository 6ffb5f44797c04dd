"""A service process from command line to exit: `main(Definition(...))` is a whole `__main__`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import uvloop
from grpc_reflection.v1alpha import reflection

from focal_service_kit import (
    config_sources,
    drain,
    errors,
    identity,
    logging,
    metrics,
    settings,
    settings_text,
    tls,
    tracing,
)
from focal_service_kit.config_sources import ConfigError
from focal_service_kit.host import Host

S = TypeVar("S", bound=settings.ServiceSettings)

EXIT_FAILED = 1
EXIT_CONFIG = 2

_log = logging.get("service")


@dataclass(frozen=True, slots=True)
class Definition(Generic[S]):
    """What makes a service: its name, its settings, its composition root, its migrations package."""

    name: str
    settings: type[S]
    build: Callable[[S, Host], Awaitable[None]]
    migrations: str | None = None


def main(definition: Definition[Any]) -> None:
    """Run the process and exit with its code: 0 after a drain, 1 on failure, 2 on bad settings."""
    sys.exit(run(definition, sys.argv[1:], os.environ))


def run(definition: Definition[Any], arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """One command of the process; returns its exit code."""
    options = _parser(definition).parse_args(arguments)
    try:
        if options.command == "migrate":
            chosen = config_sources.load(definition.settings, definition.name, environ)
            logging.configure(chosen.logging, definition.name)
            return uvloop.run(migrate(definition, chosen))
        chosen = load(definition, environ)
        if options.check_config:
            sys.stdout.write(settings_text.effective(chosen) + "\n")
            return 0
        return uvloop.run(serve(definition, chosen))
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"{definition.name}: {problem}\n")
        return EXIT_CONFIG
    except Exception as failure:  # noqa: BLE001 - the last line of the log says why the process ended
        _log.error("cannot run", exc_info=failure)
        return EXIT_FAILED


def load(definition: Definition[S], environ: Mapping[str, str]) -> S:
    """The settings in force; ConfigError when they cannot work, keys and certificates included."""
    chosen = config_sources.load(definition.settings, definition.name, environ)
    problems = tls.problems(chosen)
    if problems:
        raise ConfigError(problems)
    identity.load_keys(chosen.auth)
    return chosen


async def migrate(definition: Definition[S], chosen: S) -> int:
    """Bring the schema up to date; needs no keys, so that a job without them can run it."""
    if definition.migrations is None or not isinstance(chosen, settings.WithPostgres):
        return 0
    from focal_service_kit import migrations

    await migrations.upgrade(definition.migrations, chosen.postgres.url)
    _log.info("schema is up to date", migrations=definition.migrations)
    return 0


async def serve(definition: Definition[S], chosen: S) -> int:
    """Build, serve until SIGTERM or SIGINT or a failed background task, drain, close."""
    logging.configure(chosen.logging, definition.name)
    stopping = _on_signals()
    if isinstance(chosen, settings.WithPostgres) and chosen.postgres.migrate_on_start:
        await migrate(definition, chosen)
    tracer, flush = tracing.start(chosen.tracing, definition.name)
    host = Host(
        definition.name,
        chosen,
        identity.load_keys(chosen.auth),
        translators=_translators(chosen),
        tracer=tracer,
    )
    with ExitStack() as telemetry:
        telemetry.callback(flush)
        telemetry.enter_context(metrics.page(chosen.metrics, host.metrics))
        async with host.stack:
            await definition.build(chosen, host)
            await start(host, chosen)
            await _first(stopping, host.failed)
            await stop(host, chosen)
    return EXIT_FAILED if host.failed.is_set() else 0


async def start(host: Host, chosen: settings.ServiceSettings) -> int:
    """Open the socket, then run background tasks and readiness; returns the bound port."""
    await host.health.register(host.server)
    names = [*host.health.services, "grpc.health.v1.Health", reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, host.server)
    port = _bind(host, chosen)
    await host.server.start()
    host.background("readiness", host.health.watch)
    host.start_background()
    if chosen.grpc.port_file is not None:
        _write_port(chosen.grpc.port_file, port)
    _log.info("serving", port=port)
    return port


async def stop(host: Host, chosen: settings.ServiceSettings) -> None:
    """Drain in the order of `drain`, then end background tasks; resources close with the stack."""
    await drain.drain(host.server, host.health, host.drain_callbacks, chosen.drain)
    await host.stop_background()
    _log.info("stopped")


def _parser(definition: Definition[Any]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m focal_{definition.name}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="settings (environment = default):\n"
        + settings_text.reference(definition.settings, definition.name)
        + f"\n\nThe TOML file named by {config_sources.FILE_VARIABLE} may hold the same keys in"
        f" [{definition.name}] and [{config_sources.COMMON_TABLE}].",
    )
    parser.add_argument(
        "command", nargs="?", choices=("serve", "migrate"), default="serve", help="default: serve"
    )
    parser.add_argument("--check-config", action="store_true", help="print the settings in force and exit")
    return parser


def _translators(chosen: settings.ServiceSettings) -> tuple[errors.Translator, ...]:
    """The stores a service uses bring the meaning of their exceptions; others are not imported."""
    found: list[errors.Translator] = []
    if isinstance(chosen, settings.WithPostgres):
        from focal_service_kit import postgres

        found.append(postgres.translate)
    if isinstance(chosen, settings.WithRedis):
        from focal_service_kit import redis_client

        found.append(redis_client.translate)
    return tuple(found)


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _bind(host: Host, chosen: settings.ServiceSettings) -> int:
    credentials = tls.server_credentials(chosen.tls)
    address = chosen.grpc.listen
    try:
        if credentials is None:
            return host.server.add_insecure_port(address)
        return host.server.add_secure_port(address, credentials)
    except RuntimeError:
        raise ConfigError([f"grpc.listen: cannot bind {address}, is it taken?"]) from None


def _write_port(path: Path, port: int) -> None:
    """Written aside and renamed, so that a reader never sees half a number."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(str(port))
    partial.replace(path)
