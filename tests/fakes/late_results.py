"""Asynchronous tools: a partner that takes requests on by HTTP, a toolbox, and a gateway that opens turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from focal_kernel.errors import FocalError
from tests.doubles import tool_provider
from tests.fakes import in_process, running_toolbox, triggered_turns
from tests.fakes.running_toolbox import IDEMPOTENT, IRREVERSIBLE, RunningToolbox, tool
from tests.fakes.triggered_turns import TriggeredTurns
from tests.fakes.until import until

ORDER = {"order_id": "10003"}
TOOLS = (
    tool("ship", IRREVERSIBLE, asynchronous=True),
    tool("label", IDEMPOTENT, asynchronous=True),
    tool("refund", IRREVERSIBLE),
    tool("hasty", IRREVERSIBLE, asynchronous=True, report_within_ms=300),
    tool(
        "in_body",
        IRREVERSIBLE,
        asynchronous=True,
        config={"url": "${PROVIDER}/in_body", "body": {"order": "{order_id}", "reply": "${RESULT_TOKEN}"}},
    ),
)
LEASE_S = 0.3


@dataclass
class Scene:
    """A partner, the toolbox, and the gateway that opens turns."""

    partner: tool_provider.ToolProvider
    toolbox: RunningToolbox
    turns: TriggeredTurns

    @property
    def token(self) -> str:
        """The token that came with the partner's latest request."""
        return self.partner.received[-1].headers["focal-result-token"]

    async def state(self) -> int:
        return (await self.toolbox.effects())[0].state

    async def quiet(self) -> None:
        """Once no follow-up turn is to be opened any more."""
        await until(
            lambda: self.toolbox.metric("tool_follow_up_backlog") == 0, "the follow-up turns are opened"
        )


@asynccontextmanager
async def playing(database: str, *failures: FocalError, **overrides: Any) -> AsyncIterator[Scene]:
    deployment = in_process.Deployment()
    asynchronous = {"follow_up_first_pause_s": 0.02, **overrides}
    async with (
        tool_provider.serving() as partner,
        triggered_turns.serving(deployment, *failures) as turns,
        running_toolbox.serving(
            database,
            partner.url,
            tools=TOOLS,
            deployment=deployment,
            peers={"turn_gateway": turns.target},
            instance={"heartbeat_s": 0.1, "lease_s": LEASE_S, "send_within_s": 0.25},
            asynchronous={**running_toolbox.FAST["asynchronous"], **asynchronous},
        ) as toolbox,
    ):
        partner.behave(tool_provider.answer(202, '{"ticket":1}'))
        yield Scene(partner, toolbox, turns)
