"""`focal.config.v1.ConfigAdminService`; what is not here the kit answers with NOT_IMPLEMENTED."""

# ruff: noqa: N802 - the contract names the methods

from collections.abc import AsyncIterator
from typing import Any

import grpc

from focal.config.v1 import config_admin_service_pb2 as messages
from focal.config.v1 import config_admin_service_pb2_grpc
from focal_config_watcher.core.history import History
from focal_config_watcher.core.publishing import (
    Event,
    Order,
    Published,
    Publisher,
    Refused,
    Stage,
    StageReport,
)
from focal_config_watcher.domain import command
from focal_config_watcher.domain.command import Move
from focal_config_watcher.domain.version import AgentKey
from focal_config_watcher.transport import codec, requests
from focal_kernel import errors, ids
from focal_service_kit import identity, pages

Context = grpc.aio.ServicerContext[Any, Any]

_STAGES = {
    Stage.VALIDATE: messages.PUBLISH_STAGE_VALIDATE,
    Stage.COMPILE: messages.PUBLISH_STAGE_COMPILE,
    Stage.WRITE_BUNDLES: messages.PUBLISH_STAGE_WRITE_BUNDLES,
    Stage.SWAP_POINTER: messages.PUBLISH_STAGE_SWAP_POINTER,
    Stage.INVALIDATE_CACHE: messages.PUBLISH_STAGE_INVALIDATE_CACHE,
}
_WRITERS = ("admin",)
_NEWEST = 2**63 - 1
_MOST_CHANGES = 500
"""Stated by the contract."""


class ConfigAdminServicer(config_admin_service_pb2_grpc.ConfigAdminServiceServicer):
    """Validates, publishes and rolls back for admins and operators."""

    def __init__(self, publisher: Publisher, history: History) -> None:
        self._publisher = publisher
        self._history = history

    async def Validate(
        self, request: messages.ValidateRequest, context: Context
    ) -> messages.ValidateResponse:
        identity.require_role(*_WRITERS)
        read = await self._publisher.validate(identity.tenant(), codec.files_from_proto(request.files))
        return messages.ValidateResponse(problems=codec.problems(read.problems), agent_id=read.agent_id)

    async def Publish(
        self, request: messages.PublishRequest, context: Context
    ) -> AsyncIterator[messages.PublishResponse]:
        async for event in self._publisher.publish(_order(request)):
            yield _publish_response(event)

    async def Rollback(
        self, request: messages.RollbackRequest, context: Context
    ) -> messages.RollbackResponse:
        caller = identity.require_role(*_WRITERS)
        if request.target_version < 1:
            raise requests.invalid("target_version", "must be at least 1")
        reason = requests.note(request.reason, "reason")
        key = AgentKey(identity.tenant(), ids.check_id(request.agent_id, "agent_id"))
        pointer = await self._history.roll_back(
            Move(
                key=key,
                target_version=request.target_version,
                reason=reason,
                moved_by=caller.subject,
                request=command.request(
                    requests.request_id(request.request_id),
                    *(key.agent_id, str(request.target_version), reason),
                ),
            )
        )
        return messages.RollbackResponse(pointer=codec.pointer(pointer))

    async def ListVersions(
        self, request: messages.ListVersionsRequest, context: Context
    ) -> messages.ListVersionsResponse:
        identity.require_role(*_WRITERS)
        tenant_id = identity.tenant()
        size = pages.size(request.page_size)
        position = pages.position(request.page_token, "versions", request.agent_id)
        if request.agent_id:
            key = AgentKey(tenant_id, ids.check_id(request.agent_id, "agent_id"))
            found = await self._history.of_agent(key, _below(position), size + 1)
        else:
            found = await self._history.current(tenant_id, position, size + 1)
        next_page_token = ""
        if len(found) > size:
            last = found[size - 1]
            reached = str(last.version) if request.agent_id else last.agent_id
            next_page_token = pages.token(reached, "versions", request.agent_id)
        return messages.ListVersionsResponse(
            versions=[codec.version(record) for record in found[:size]],
            next_page_token=next_page_token,
        )


def _order(request: messages.PublishRequest) -> Order:
    caller = identity.require_role(*_WRITERS)
    if not request.files and request.agent_id:
        raise errors.Unimplemented("NOT_IMPLEMENTED", "this release publishes files, not drafts")
    if not request.files:
        raise requests.invalid("files", "must hold the agent's folder")
    return Order(
        tenant_id=identity.tenant(),
        agent_id=ids.check_id(request.agent_id, "agent_id") if request.agent_id else "",
        files=codec.files_from_proto(request.files),
        note=requests.note(request.note, "note"),
        published_by=caller.subject,
        request_id=requests.request_id(request.request_id),
    )


def _below(position: str) -> int:
    """The version that a page of versions ends before."""
    return min(int(position), _NEWEST) if position.isdecimal() else _NEWEST


def _publish_response(event: Event) -> messages.PublishResponse:
    match event:
        case StageReport():
            progress = messages.PublishProgress(
                stage=_STAGES[event.stage],
                done=event.done,
                completed=event.completed,
                total=event.total,
            )
            return messages.PublishResponse(progress=progress)
        case Refused():
            refused = messages.PublishRefused(problems=codec.problems(event.problems))
            return messages.PublishResponse(refused=refused)
        case Published():
            published = messages.Published(
                pointer=codec.pointer(event.settled.pointer),
                warnings=codec.problems(event.warnings),
                unchanged=event.settled.unchanged,
                tool_changes=codec.differences(event.tool_changes[:_MOST_CHANGES]),
            )
            return messages.PublishResponse(published=published)
