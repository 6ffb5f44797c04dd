"""`focal run`: what `make run` does. The mesh, the example, a short play, then a prompt."""

from typing import Annotated

import typer

from focal_cli import chatting, options, render, running, theatre
from focal_cli.commands import demo
from focal_cli.demo import claims, example, scenes
from focal_cli.demo.stage import CHANNEL, Stage

YOU = "you"

DemoOnly = Annotated[bool, typer.Option("--demo", help="Leave after the play instead of chatting.")]


def run(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    demo_only: DemoOnly = False,
    json: options.Json = False,
) -> None:
    """Start the mesh, publish the example, play the demonstration, then chat with the returns desk."""
    played: list[claims.Claim] = []

    async def work() -> None:
        async with theatre.raised(home, tenant, json) as stage:
            played.extend(await scenes.play(stage))
            if not demo_only:
                await _chat(stage, played, json)

    running.until_signal(work())
    if demo_only:
        demo.report(played, json)


async def _chat(stage: Stage, played: list[claims.Claim], json: bool) -> None:
    if json:
        render.as_json(claims.to_json(played))
    else:
        claims.show(played)
        render.console().print("\nYour turn: ask for a return, say. Ctrl-D leaves and stops the mesh.\n")
    screen = chatting.JsonScreen() if json else chatting.TextScreen()
    async with stage.client.conversation(example.AGENT, CHANNEL, YOU) as conversation:
        await chatting.talk(conversation, screen)
