"""`focal chat`: hold a conversation in the terminal."""

from focal_cli import chatting, connection, options, running


def chat(
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    agent: options.Agent = options.AGENT,
    channel: options.Channel = options.CHANNEL,
    user: options.User = options.USER,
    json: options.Json = False,
) -> None:
    """Talk to an agent. Every line is a message; Ctrl-D or Ctrl-C leaves."""
    mesh = connection.of(home, tenant)
    running.until_signal(_chat(mesh, agent, channel, user, json))


async def _chat(mesh: connection.Connection, agent: str, channel: str, user: str, json: bool) -> None:
    async with mesh.client() as client, client.conversation(agent, channel, user) as conversation:
        screen = chatting.JsonScreen() if json else chatting.TextScreen()
        await chatting.talk(conversation, screen)
