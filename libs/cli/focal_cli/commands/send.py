"""`focal send`: one message, one reply."""

import asyncio
from typing import Annotated

import typer

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_cli import connection, options, render


def send(  # noqa: PLR0913, PLR0917 options are parameters
    text: Annotated[str, typer.Argument(help="What the customer writes.")],
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: options.Agent = options.AGENT,
    channel: options.Channel = options.CHANNEL,
    user: options.User = options.USER,
    request_id: Annotated[
        str, typer.Option("--request-id", help="Makes repeating safe: the same id is answered once.")
    ] = "",
    json: options.Json = False,
) -> None:
    """Send a message to an agent and print its reply."""
    mesh = connection.of(home, tenant)
    answer = asyncio.run(
        _send(mesh, text, gateway.Address(agent_id=agent, channel=channel, channel_user_id=user), request_id)
    )
    if json:
        render.as_json(render.plain(answer))
    else:
        render.console().print("\n".join(segment.text for segment in answer.turn.reply), markup=False)


async def _send(
    mesh: connection.Connection, text: str, address: gateway.Address, request_id: str
) -> gateway.SendMessageResponse:
    async with mesh.client() as client:
        return await client.send(
            text,
            agent_id=address.agent_id,
            channel=address.channel,
            channel_user_id=address.channel_user_id,
            request_id=request_id,
        )
