from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_client import Accepted, CallFailed, FocalClient, Reply
from tests.fakes import gateway_server
from tests.fakes.gateway_server import FakeGateway, completed

STORED = gateway.SubmitMessageResponse(message_id="msg_1", session_id="ses_1", sequence=1)


@asynccontextmanager
async def client_of(fake: FakeGateway) -> AsyncIterator[FocalClient]:
    async with gateway_server.serving(fake) as target, FocalClient.connect(target, token="t") as client:
        yield client


async def submit(client: FocalClient, text: str, timeout_s: float = 10) -> Accepted:
    return await client.submit(
        text, agent_id="returns_desk", channel="web", channel_user_id="ada", timeout_s=timeout_s
    )


async def test_a_submission_is_repeated_with_one_request_id_while_the_gateway_is_away() -> None:
    fake = FakeGateway(submit=[grpc.StatusCode.UNAVAILABLE, STORED])
    async with client_of(fake) as client:
        accepted = await submit(client, "hello")
    assert accepted.message_id == "msg_1"
    assert fake.seen[0] == fake.seen[1]
    assert fake.seen[0].request_id == accepted.request_id != ""


async def test_a_refused_submission_is_not_repeated() -> None:
    fake = FakeGateway(submit=[grpc.StatusCode.INVALID_ARGUMENT])
    async with client_of(fake) as client:
        with pytest.raises(CallFailed) as refusal:
            await submit(client, "")
    assert refusal.value.status is grpc.StatusCode.INVALID_ARGUMENT
    assert len(fake.seen) == 1


async def test_the_time_for_a_submission_ends_even_if_nobody_answers() -> None:
    async with FocalClient.connect("127.0.0.1:1", token="t") as client:
        with pytest.raises(CallFailed) as failure:
            await submit(client, "hello", timeout_s=0.3)
    assert failure.value.status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert failure.value.reason == ""


async def test_a_watched_session_goes_on_after_the_stream_broke() -> None:
    def frame(offset: int) -> gateway.WatchSessionResponse:
        return gateway.WatchSessionResponse(event=completed(offset, str(offset)))

    go_away = gateway.WatchSessionResponse(go_away=gateway.GoAway(resume_offset=2))
    fake = FakeGateway(watch=[[frame(1)], grpc.StatusCode.UNAVAILABLE, [frame(2), go_away], [frame(3)]])
    texts: list[str] = []
    async with client_of(fake) as client:
        async for seen in client.watch("ses_1"):
            assert isinstance(seen, Reply)
            texts.append(seen.text)
            if len(texts) == 3:
                break
    assert texts == ["1", "2", "3"]
    assert [request.after_offset for request in fake.seen] == [0, 1, 1, 2]


async def test_a_session_that_is_not_there_ends_the_watch() -> None:
    async with client_of(FakeGateway(watch=[grpc.StatusCode.NOT_FOUND])) as client:
        with pytest.raises(CallFailed):
            await anext(aiter(client.watch("ses_1")))
