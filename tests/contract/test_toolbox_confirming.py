"""Calls that need a yes, over the wire: asked, answered, used once, by whoever may."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import grpc
import pytest

from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceStub
from focal_service_kit import errors
from tests.doubles import tool_provider
from tests.fakes import running_toolbox
from tests.fakes.running_toolbox import IRREVERSIBLE, RunningToolbox, Turn

pytestmark = pytest.mark.migrated("focal_toolbox")

NOWHERE = "http://127.0.0.1:9"
ORDER = {"order_id": "10003", "amount": 59.9}
NEXT = Turn(turn_id="trn_2", turn_group_id="grp_2", epoch=2)
TOOLS = (
    running_toolbox.tool(
        "refund",
        IRREVERSIBLE,
        requires_confirmation=True,
        confirmation_prompt="Shall I pay {amount} for order {order_id}?",
    ),
)
SUCCESS, REFUSED = tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_REFUSED


async def _confirm(toolbox: RunningToolbox, asked: Any, token: str | None = None, **changes: Any) -> Any:
    """Answer as the gateway does between turns, unless another token is given."""
    own = toolbox.running.deployment.internal_token("toolbox")
    stub: Any = ToolboxServiceStub(toolbox.running.channel(token or own))
    request = {"session_id": "ses_1", "confirmation_id": asked.confirmation_id, "accepted": True}
    return await stub.Confirm(pb.ConfirmRequest(**{**request, **changes}), timeout=5)


async def _refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), errors.from_rpc(caught.value).reason


async def test_a_refund_is_asked_about_agreed_to_and_paid_once(database: str) -> None:
    async with (
        tool_provider.serving() as provider,
        running_toolbox.serving(database, provider.url, tools=TOOLS) as toolbox,
    ):
        asked = await toolbox.execute("refund", ORDER)
        assert (asked.status, asked.error_reason) == (REFUSED, "CONFIRMATION_REQUIRED")
        assert asked.confirmation.prompt == "Shall I pay 59.9 for order 10003?"
        assert asked.confirmation.arguments_json == '{"amount":59.9,"order_id":"10003"}'
        assert asked.confirmation.approver == tool_pb2.APPROVER_CUSTOMER
        assert not asked.commit_point_reached
        assert provider.received == []
        answered = await _confirm(toolbox, asked.confirmation)
        assert answered.confirmation.state == tool_pb2.CONFIRMATION_STATE_ACCEPTED
        assert answered.expires_at.ToDatetime() > asked.confirmation.expires_at.ToDatetime()
        changed = await toolbox.execute("refund", {**ORDER, "amount": 600}, NEXT)
        assert changed.error_reason == "CONFIRMATION_REQUIRED"
        paid = await asyncio.gather(*(toolbox.execute("refund", ORDER, NEXT) for _ in range(8)))
        assert {result.status for result in paid} == {SUCCESS, tool_pb2.TOOL_STATUS_CACHED}
        assert len(provider.received) == 1
        later = Turn(turn_id="trn_3", turn_group_id="grp_3", epoch=3)
        replayed = await toolbox.execute("refund", ORDER, later)
        assert (replayed.error_reason, len(provider.received)) == ("CONFIRMATION_REQUIRED", 1)
        listed = await toolbox.stub().ListConfirmations(
            pb.ListConfirmationsRequest(session_id="ses_1", state=tool_pb2.CONFIRMATION_STATE_USED), timeout=5
        )
        assert [one.used_by for one in listed.confirmations] == [paid[0].effect_key]


async def test_a_no_is_kept_to_and_nothing_is_sent(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE, tools=TOOLS) as toolbox:
        asked = await toolbox.execute("refund", ORDER)
        await _confirm(toolbox, asked.confirmation, accepted=False, turn_group_id="grp_2")
        result = await toolbox.execute("refund", ORDER, NEXT)
        assert (result.status, result.error_reason) == (REFUSED, "CONFIRMATION_DECLINED")
        assert result.confirmation.state == tool_pb2.CONFIRMATION_STATE_DECLINED


async def test_who_may_answer(database: str) -> None:
    """Break: leave `of_session` out of `callers.of_answer`, or the look at the token's turn."""
    async with running_toolbox.serving(database, NOWHERE, tools=TOOLS) as toolbox:
        asked = (await toolbox.execute("refund", ORDER)).confirmation
        deployment = toolbox.running.deployment
        stranger = deployment.internal_token("toolbox", session_id="ses_2", turn_id="trn_2", epoch=1)
        in_turn = deployment.internal_token("toolbox", session_id="ses_1", turn_id="trn_1", epoch=1)
        denied = (grpc.StatusCode.PERMISSION_DENIED, "INSUFFICIENT_PERMISSIONS")
        operator = tool_pb2.APPROVER_OPERATOR
        for call in (
            _confirm(toolbox, asked, stranger),
            _confirm(toolbox, asked, in_turn, approver=operator),
            _confirm(toolbox, asked, approver=operator),
            _confirm(toolbox, asked, deployment.tenant_token("acme")),
            _confirm(toolbox, asked, deployment.tenant_token("acme", roles=["admin"])),
        ):
            assert await _refusal(call) == denied
        with pytest.raises(grpc.aio.AioRpcError, match="a token of no turn"):
            await _confirm(toolbox, asked, in_turn, approver=operator)
        elsewhere = deployment.internal_token("toolbox", tenant_id="globex")
        missing = (grpc.StatusCode.NOT_FOUND, "CONFIRMATION_NOT_FOUND")
        assert await _refusal(_confirm(toolbox, asked, elsewhere)) == missing
        assert await _refusal(_confirm(toolbox, asked, session_id="ses_2")) == missing
        assert (await _confirm(toolbox, asked, in_turn)).confirmation.answered_by == "customer"


async def test_an_answer_too_late_or_otherwise_is_refused(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE, tools=TOOLS) as toolbox:
        asked = (await toolbox.execute("refund", ORDER)).confirmation
        await _confirm(toolbox, asked, request_id="req_1")
        await _confirm(toolbox, asked, request_id="req_1")
        reused = await _refusal(_confirm(toolbox, asked, accepted=False, request_id="req_1"))
        assert reused == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        await _confirm(toolbox, asked, accepted=False)
        state = grpc.StatusCode.FAILED_PRECONDITION
        assert await _refusal(_confirm(toolbox, asked)) == (state, "CONFIRMATION_CLOSED")
    brief = {"ttl_s": 0.001}
    async with running_toolbox.serving(database, NOWHERE, tools=TOOLS, confirmation=brief) as toolbox:
        asked = (await toolbox.execute("refund", {"order_id": "1"})).confirmation
        assert await _refusal(_confirm(toolbox, asked)) == (state, "CONFIRMATION_EXPIRED")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"session_id": "a b"}, "INVALID_ID"),
        ({"confirmation_id": ""}, "INVALID_ID"),
        ({"request_id": "x" * 257}, "INVALID_ID"),
        ({"turn_group_id": "%"}, "INVALID_ID"),
        ({"answered_by": "x" * 257}, "INVALID_ID"),
    ],
)
async def test_a_malformed_answer_is_refused(database: str, changes: dict[str, Any], reason: str) -> None:
    async with running_toolbox.serving(database, NOWHERE, tools=TOOLS) as toolbox:
        call = _confirm(toolbox, tool_pb2.Confirmation(confirmation_id="cnf_1"), **changes)
        assert await _refusal(call) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


async def test_confirmations_are_listed_in_pages(database: str) -> None:
    async with running_toolbox.serving(database, NOWHERE, tools=TOOLS) as toolbox:
        for number in range(3):
            await toolbox.execute("refund", {"order_id": str(number), "amount": 1})
        stub = cast("Any", toolbox.stub())
        first = await stub.ListConfirmations(pb.ListConfirmationsRequest(page_size=2), timeout=5)
        token = first.next_page_token
        rest = await stub.ListConfirmations(
            pb.ListConfirmationsRequest(page_size=2, page_token=token), timeout=5
        )
        prompts = [one.prompt for one in (*first.confirmations, *rest.confirmations)]
        assert prompts == [f"Shall I pay 1 for order {number}?" for number in (2, 1, 0)]
        assert rest.next_page_token == ""
        foreign = stub.ListEffects(pb.ListEffectsRequest(page_token=token), timeout=5)
        assert await _refusal(foreign) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
        odd = stub.ListConfirmations(pb.ListConfirmationsRequest(state=cast("Any", 99)), timeout=5)
        assert await _refusal(odd) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
