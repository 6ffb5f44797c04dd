"""`focal demo`: play the demonstration, and say of each claim whether it held."""

import tempfile
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path

import typer

from focal_cli import options, render, running, theatre
from focal_cli.demo import claims, scenes
from focal_cli.demo.stage import Stage
from focal_cli.local import errors
from focal_cli.local.home import Home


def demo(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Play eight scenes with the example agents, on the running mesh or on one of its own.

    Exits 1 when a claim does not hold.
    """
    played: list[claims.Claim] = []
    with ExitStack() as stack:
        running.until_signal(_play(_choose_stage(home, tenant, json, stack), played))
    report(played, json)


def report(played: list[claims.Claim], json: bool) -> None:
    """Show what held; leaves with exit code 1 unless everything did."""
    if json:
        render.as_json(claims.to_json(played))
    else:
        claims.show(played)
    if not claims.all_hold(played):
        raise typer.Exit(1)


def _choose_stage(
    home: Path, tenant: str, json: bool, stack: ExitStack
) -> AbstractAsyncContextManager[Stage]:
    try:
        Home(home).running()
    except errors.NotRunning:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="focal-demo-"))
        return theatre.raised(Path(folder), tenant, json)
    return theatre.on_running(home, tenant, json)


async def _play(choosing: AbstractAsyncContextManager[Stage], played: list[claims.Claim]) -> None:
    async with choosing as stage:
        played.extend(await scenes.play(stage))
