"""The calls about what comes from the message router and goes to it. All raise CallFailed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from focal.turn.v1 import dead_letter_service_pb2 as letters_pb
from focal.turn.v1 import dead_letter_service_pb2_grpc as letters_api
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
LARGEST_PAGE = 100


async def dead_letters(connection: Connection, channel: str, limit: int) -> list[letters_pb.DeadLetter]:
    """The latest dead letters of a channel, or of all when it is empty, latest first."""
    async with _letters(connection) as stub:
        return await _dead_letters(stub, connection, channel, limit)


async def retry(connection: Connection, chosen: list[str] | None, channel: str) -> list[str]:
    """Put dead letters back, all that there are now when none are chosen, oldest first; returns their ids."""
    return await _each(connection, chosen, channel, lambda stub: stub.RetryDeadLetter, _retry_request)


async def drop(connection: Connection, chosen: list[str] | None, channel: str) -> list[str]:
    """Forget dead letters, all that there are now when none are chosen; returns their ids."""
    return await _each(connection, chosen, channel, lambda stub: stub.DropDeadLetter, _drop_request)


async def _each(
    connection: Connection,
    chosen: list[str] | None,
    channel: str,
    method: Callable[[Any], Callable[..., Awaitable[Any]]],
    request: Callable[[str], Any],
) -> list[str]:
    async with _letters(connection) as stub:
        if chosen is None:
            found = await _dead_letters(stub, connection, channel, None)
            chosen = [letter.dead_letter_id for letter in reversed(found)]
        for dead_letter_id in chosen:
            call: Any = method(stub)
            await calls.unary(call, request(dead_letter_id), connection.token, TIMEOUT_S)
    return chosen


async def _dead_letters(
    stub: Any, connection: Connection, channel: str, limit: int | None
) -> list[letters_pb.DeadLetter]:
    found: list[letters_pb.DeadLetter] = []
    request = letters_pb.ListDeadLettersRequest(channel=channel)
    while True:
        request.page_size = min(LARGEST_PAGE, LARGEST_PAGE if limit is None else limit - len(found))
        page = await calls.unary(stub.ListDeadLetters, request, connection.token, TIMEOUT_S)
        found += page.dead_letters
        if not page.next_page_token or (limit is not None and len(found) >= limit):
            return found
        request.page_token = page.next_page_token


def _retry_request(dead_letter_id: str) -> letters_pb.RetryDeadLetterRequest:
    return letters_pb.RetryDeadLetterRequest(dead_letter_id=dead_letter_id, request_id=ids.new_id("req"))


def _drop_request(dead_letter_id: str) -> letters_pb.DropDeadLetterRequest:
    return letters_pb.DropDeadLetterRequest(dead_letter_id=dead_letter_id, request_id=ids.new_id("req"))


@asynccontextmanager
async def _letters(connection: Connection) -> AsyncIterator[Any]:
    async with connection.channel("turn_gateway") as channel:
        yield letters_api.DeadLetterServiceStub(channel)
