"""`focal.turn.v1.DeadLetterService`."""

from __future__ import annotations

from typing import Any

import grpc.aio

from focal.turn.v1 import dead_letter_service_pb2 as pb
from focal.turn.v1 import dead_letter_service_pb2_grpc as api
from focal_kernel import ids
from focal_service_kit import identity, pages
from focal_turn_gateway.codecs import dead_letters
from focal_turn_gateway.ports.router import DeadLetters

Context = grpc.aio.ServicerContext[Any, Any]


class DeadLetterServicer(api.DeadLetterServiceServicer):
    """Looks at dead letters, puts them back or forgets them."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    async def ListDeadLetters(  # noqa: N802
        self, request: pb.ListDeadLettersRequest, context: Context
    ) -> pb.ListDeadLettersResponse:
        """A page of dead letters."""
        channel = request.channel and ids.check_id(request.channel, "channel")
        size = pages.size(request.page_size)
        query = f"dead letters {channel}"
        before = pages.position(request.page_token, query)
        tenant_id = identity.tenant(request.tenant_id)
        found = await self._letters.page(tenant_id, channel, before, size + 1)
        response = pb.ListDeadLettersResponse(
            dead_letters=[dead_letters.dead_letter_to_proto(letter) for letter in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = pages.token(found[size - 1].dead_letter_id, query)
        return response

    async def RetryDeadLetter(  # noqa: N802
        self, request: pb.RetryDeadLetterRequest, context: Context
    ) -> pb.RetryDeadLetterResponse:
        """Put one back."""
        entry_id = await self._letters.put_back(
            identity.tenant(request.tenant_id), request.dead_letter_id, _request_id(request.request_id)
        )
        return pb.RetryDeadLetterResponse(entry_id=entry_id)

    async def DropDeadLetter(  # noqa: N802
        self, request: pb.DropDeadLetterRequest, context: Context
    ) -> pb.DropDeadLetterResponse:
        """Forget one."""
        await self._letters.drop(
            identity.tenant(request.tenant_id), request.dead_letter_id, _request_id(request.request_id)
        )
        return pb.DropDeadLetterResponse()


def _request_id(given: str) -> str:
    return given and ids.check_foreign_id(given, "request_id")
