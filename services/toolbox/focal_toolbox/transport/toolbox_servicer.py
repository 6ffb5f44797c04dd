"""ToolboxService on the wire."""

# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1.toolbox_service_pb2_grpc import ToolboxServiceServicer
from focal_kernel import ids
from focal_kernel.errors import FieldViolation
from focal_service_kit import identity, logging, pages
from focal_toolbox import errors
from focal_toolbox.core import fencing, listing, resolving
from focal_toolbox.core.batching import Batch
from focal_toolbox.core.checking import Checks
from focal_toolbox.core.compensating import Compensation
from focal_toolbox.core.confirming import Confirming
from focal_toolbox.core.executing import Execution
from focal_toolbox.domain.effect import Query
from focal_toolbox.domain.result import Result
from focal_toolbox.ports.catalogue import ToolCatalogue
from focal_toolbox.ports.doubts import Doubts
from focal_toolbox.ports.ledger import EffectLedger
from focal_toolbox.transport import batch_codec, callers, codec, confirmation_codec, doubt_codec, page_tokens
from focal_toolbox.transport.report_taking import ReportTaking

ADMIN_ROLE = "admin"


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the calls come to."""

    execution: Execution
    batch: Batch
    confirming: Confirming
    compensation: Compensation
    reports: ReportTaking
    checks: Checks
    ledger: EffectLedger
    doubts: Doubts
    catalogue: ToolCatalogue


class ToolboxServicer(ToolboxServiceServicer):
    """Decodes, calls the core, encodes."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    async def ListTools(self, request: pb.ListToolsRequest, context: Any) -> pb.ListToolsResponse:
        agent_id = ids.check_id(request.agent_id, "agent_id")
        if request.config_version < 0:
            raise _bad("config_version", "must be 0 or a published version")
        selection = codec.selection_from_proto(request)
        found = await listing.tools(
            self._use.catalogue, identity.tenant(), agent_id, request.config_version, selection
        )
        return pb.ListToolsResponse(tools=map(codec.tool_to_proto, found))

    async def Execute(self, request: pb.ExecuteRequest, context: Any) -> AsyncIterator[pb.ExecuteResponse]:
        order = codec.order_from_proto(callers.of_attempt(request.context), request)
        async with aclosing(self._use.execution.execute(order)) as events:
            async for event in events:
                if isinstance(event, Result):
                    logging.bind(
                        tool=event.tool_name[:64], status=event.status, tool_reason=event.error_reason
                    )
                yield codec.event_to_proto(event)

    async def Fence(self, request: pb.FenceRequest, context: Any) -> pb.FenceResponse:
        session_id = ids.check_id(request.session_id, "session_id")
        tenant_id = callers.of_session(session_id)
        group_id = ids.check_id(request.turn_group_id, "turn_group_id")
        if request.epoch < 1:
            raise _bad("epoch", "must be at least 1")
        fence = await fencing.raise_fence(self._use.ledger, tenant_id, session_id, request.epoch, group_id)
        return pb.FenceResponse(epoch=fence.epoch, effects=map(codec.effect_to_proto, fence.effects))

    async def ListEffects(self, request: pb.ListEffectsRequest, context: Any) -> pb.ListEffectsResponse:
        query = _query(identity.tenant(), request)
        page = await listing.effects(
            self._use.ledger, replace(query, before=page_tokens.decode(query, request.page_token))
        )
        return pb.ListEffectsResponse(
            effects=map(codec.effect_to_proto, page.effects),
            next_page_token=page_tokens.encode(query, page.next_before),
        )

    async def ExecuteBatch(
        self, request: pb.ExecuteBatchRequest, context: Any
    ) -> AsyncIterator[pb.ExecuteBatchResponse]:
        steps = batch_codec.steps_from_proto(callers.of_attempt(request.context), request)
        statuses = [""] * len(steps)
        async with aclosing(self._use.batch.execute(steps)) as events:
            async for number, event in events:
                if isinstance(event, Result):
                    statuses[number] = event.status
                    logging.bind(tools=[step.order.tool_name[:64] for step in steps], statuses=statuses)
                yield batch_codec.event_to_proto(number, event)

    async def Confirm(self, request: pb.ConfirmRequest, context: Any) -> pb.ConfirmResponse:
        reply = confirmation_codec.reply_from_proto(*callers.of_answer(request), request)
        answered = confirmation_codec.to_proto(await self._use.confirming.answer(reply))
        return pb.ConfirmResponse(expires_at=answered.expires_at, confirmation=answered)

    async def ListConfirmations(
        self, request: pb.ListConfirmationsRequest, context: Any
    ) -> pb.ListConfirmationsResponse:
        matching = confirmation_codec.filter_from_proto(identity.tenant(), request)
        before = page_tokens.decode(matching, request.page_token)
        page = await self._use.confirming.page(replace(matching, before=before))
        return pb.ListConfirmationsResponse(
            confirmations=map(confirmation_codec.to_proto, page.confirmations),
            next_page_token=page_tokens.encode(matching, page.next_before),
        )

    async def Compensate(self, request: pb.CompensateRequest, context: Any) -> pb.CompensateResponse:
        demand = codec.demand_from_proto(callers.of_attempt(request.context), request)
        undone = await self._use.compensation.compensate(demand)
        logging.bind(why=request.reason, statuses=[each.result.status for each in undone.undoings])
        return codec.undone_to_proto(undone)

    async def ReportToolResult(
        self, request: pb.ReportToolResultRequest, context: Any
    ) -> pb.ReportToolResultResponse:
        return await self._use.reports.take(request)

    async def GetEffect(self, request: pb.GetEffectRequest, context: Any) -> pb.GetEffectResponse:
        tenant_id = identity.tenant(request.tenant_id)
        effect_id = ids.check_id(request.effect_id, "effect_id")
        return doubt_codec.shown_to_proto(
            *await listing.effect(self._use.ledger, self._use.doubts, tenant_id, effect_id)
        )

    async def ResolveEffect(self, request: pb.ResolveEffectRequest, context: Any) -> pb.ResolveEffectResponse:
        person = identity.require_role(ADMIN_ROLE)
        tenant_id = identity.tenant(request.tenant_id)
        statement = doubt_codec.statement_from_proto(tenant_id, person.subject, request)
        effect = await resolving.resolve(self._use.doubts, statement)
        return pb.ResolveEffectResponse(effect=codec.effect_to_proto(effect))

    async def CheckEffect(self, request: pb.CheckEffectRequest, context: Any) -> pb.CheckEffectResponse:
        identity.require_role(ADMIN_ROLE)
        tenant_id = identity.tenant(request.tenant_id)
        effect_id = ids.check_id(request.effect_id, "effect_id")
        return doubt_codec.checked_to_proto(await self._use.checks.now(tenant_id, effect_id))


def _query(tenant_id: str, request: pb.ListEffectsRequest) -> Query:
    return Query(
        tenant_id=tenant_id,
        session_id=ids.check_id(request.session_id, "session_id") if request.session_id else "",
        state=codec.state_from_proto(request.state),
        limit=pages.size(request.page_size),
    )


def _bad(field: str, description: str) -> errors.BadRequest:
    return errors.BadRequest(FieldViolation(field, description))
