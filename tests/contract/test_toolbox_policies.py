"""What each policy makes of each thing that a provider can do.

Breaking a guard shows that these bite: let `Courier.deliver` repeat everything (`allowed = requests`)
and the single-send rows fail; let `http_answer.broken` ignore `sent` and the doubtful rows fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import pytest

from focal.toolbox.v1 import effect_pb2, tool_pb2
from focal_cli.local import ports
from tests.doubles import tool_provider
from tests.fakes import running_toolbox

pytestmark = pytest.mark.migrated("focal_toolbox")

SUCCESS, ERROR, IN_DOUBT = (
    tool_pb2.TOOL_STATUS_SUCCESS,
    tool_pb2.TOOL_STATUS_ERROR,
    tool_pb2.TOOL_STATUS_IN_DOUBT,
)
NONE, DONE, FAILED, DOUBTFUL = (
    effect_pb2.EFFECT_STATE_UNSPECIFIED,
    effect_pb2.EFFECT_STATE_DONE,
    effect_pb2.EFFECT_STATE_FAILED,
    effect_pb2.EFFECT_STATE_IN_DOUBT,
)
ORDER = {"order_id": "10003"}
SHORT = {"timeout_s": 0.15}
BEHAVIOURS = {
    "answers": tool_provider.answer(),
    "refuses": tool_provider.answer(404, tool_provider.refusal("ORDER_NOT_FOUND")),
    "fails": tool_provider.answer(503),
    "hangs": tool_provider.hang,
    "hangs up": tool_provider.hang_up,
    "cuts the body": tool_provider.cut_body,
    "answers HTML": tool_provider.answer(200, "<html>", content_type="text/html"),
    "redirects": tool_provider.answer(303, headers="Location: /elsewhere\r\n"),
}


@dataclass(frozen=True)
class Expected:
    status: int
    state: int
    reason: str
    requests: int


def _expected() -> dict[tuple[str, str], Expected]:
    table: dict[tuple[str, str], Expected] = {}
    for name in ("look_up", "label", "reserve", "refund"):
        pure, tries = name == "look_up", 3 if name in {"look_up", "label"} else 1
        unclear = (ERROR, NONE) if pure else (IN_DOUBT, DOUBTFUL)
        table |= {
            (name, "answers"): Expected(SUCCESS, NONE if pure else DONE, "", 1),
            (name, "refuses"): Expected(ERROR, NONE if pure else FAILED, "order_not_found", 1),
            (name, "fails"): Expected(*unclear, "http_503", tries),
            (name, "hangs"): Expected(*unclear, "timeout", tries),
            (name, "hangs up"): Expected(*unclear, "connection_lost", tries),
            (name, "cuts the body"): Expected(*unclear, "connection_lost", tries),
            (name, "answers HTML"): Expected(*unclear, "invalid_response", 1),
            (name, "redirects"): Expected(*unclear, "http_303", 1),
        }
    return table


@pytest.mark.parametrize(("tool", "behaviour"), _expected())
async def test_a_policy_decides_what_an_answer_means(database: str, tool: str, behaviour: str) -> None:
    expected = _expected()[tool, behaviour]
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, execution=SHORT) as toolbox,
    ):
        provider.behave(BEHAVIOURS[behaviour])
        result = await toolbox.execute(tool, ORDER)
        assert (result.status, result.effect_state, result.error_reason) == (
            expected.status,
            expected.state,
            expected.reason,
        )
        assert len(provider.received) == result.attempts == expected.requests
        assert result.commit_point_reached == (tool == "refund")
        assert [effect.state for effect in await toolbox.effects()] == [
            state for state in [expected.state] if state != NONE
        ]


@pytest.mark.parametrize(("tool", "requests"), [("look_up", 3), ("label", 3), ("reserve", 1), ("refund", 1)])
async def test_a_refused_connection_leaves_the_world_unchanged(
    database: str, tool: str, requests: int
) -> None:
    """Nothing was sent, so the effect is FAILED and the same call may try again."""
    closed = f"http://127.0.0.1:{ports.choose()[0]}"
    async with running_toolbox.serving(database, closed) as toolbox:
        for _ in range(2):
            result = await toolbox.execute(tool, ORDER)
            assert (result.status, result.error_reason) == (ERROR, "unreachable")
            assert result.attempts == requests
        states = [(effect.state, effect.attempts) for effect in await toolbox.effects()]
        assert states == ([] if tool == "look_up" else [(FAILED, 2 * requests)])


async def test_an_unknown_host_name_leaves_the_world_unchanged(database: str) -> None:
    async with running_toolbox.serving(database, "http://no-such-host.invalid") as toolbox:
        result = await toolbox.execute("refund", ORDER)
    assert (result.status, result.error_reason) == (ERROR, "unreachable")


@pytest.mark.parametrize("tool", ["look_up", "label"])
async def test_a_repeatable_call_succeeds_on_a_later_request(database: str, tool: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.answer(500), tool_provider.hang_up, tool_provider.answer())
        events = [event async for event in toolbox.call(tool, ORDER)]
        assert [event.WhichOneof("event") for event in events] == [
            "started",
            "progress",
            "progress",
            "result",
        ]
        assert events[-1].result.status == SUCCESS
        keys = {request.headers.get("idempotency-key") for request in provider.received}
        assert keys == {events[-1].result.effect_key or None}


async def test_a_refusal_after_an_unanswered_request_stays_in_doubt(database: str) -> None:
    """Break: let `delivering._overall` return the last answer, and the lost label is FAILED."""
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        provider.behave(tool_provider.hang_up, tool_provider.answer(409))
        result = await toolbox.execute("label", ORDER)
    assert (result.status, result.error_reason) == (IN_DOUBT, "http_409")


async def test_a_pure_call_writes_neither_ledger_nor_fence(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("look_up", ORDER)
        connection = await asyncpg.connect(database)
        rows = "SELECT (SELECT count(*) FROM effects.effects) + (SELECT count(*) FROM effects.fences)"
        assert await connection.fetchval(rows) == 0
        await connection.close()


async def test_what_happened_is_counted(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url) as toolbox,
    ):
        await toolbox.execute("refund", ORDER)
        await toolbox.execute("refund", ORDER)
        labels = {"tenant": "acme", "policy": "IRREVERSIBLE"}
        assert toolbox.metric("tool_execution_total", **labels, outcome="SUCCESS") == 1
        assert toolbox.metric("tool_execution_total", **labels, outcome="CACHED") == 1
        assert toolbox.metric("tool_side_effect_total", **labels, outcome="DONE") == 1
        timed = toolbox.metric(
            "tool_execution_duration_seconds_count", policy="IRREVERSIBLE", outcome="SUCCESS"
        )
        assert timed == 1
