from collections.abc import AsyncIterator

import httpx
import pytest

from tests.doubles import http_tools
from tests.doubles.http_tools import Answer, HttpTarget


@pytest.fixture
async def target() -> AsyncIterator[HttpTarget]:
    async with http_tools.running() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=10) as client:
        yield client


async def test_answers_come_one_after_the_other_and_the_last_repeats(
    target: HttpTarget, http: httpx.AsyncClient
) -> None:
    target.on("POST", "/t", Answer(status=503), Answer(json={"ok": True}))
    statuses = [(await http.post(target.url("/t"))).status_code for _ in range(3)]
    assert statuses == [503, 200, 200]


async def test_calls_are_recorded_with_headers_query_and_body(
    target: HttpTarget, http: httpx.AsyncClient
) -> None:
    target.on("POST", "/t", Answer())
    await http.post(target.url("/t"), params={"a": "1"}, json={"b": 2}, headers={"Idempotency-Key": "k"})
    (call,) = target.calls
    assert (call.query, call.json, call.headers["idempotency-key"]) == ({"a": "1"}, {"b": 2}, "k")


async def test_a_cut_body_is_a_protocol_error_after_the_status(
    target: HttpTarget, http: httpx.AsyncClient
) -> None:
    target.on("GET", "/t", Answer(json={"long": "x" * 100}, cut=True))
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(target.url("/t"))


async def test_a_dropped_connection_has_no_answer_but_was_received(
    target: HttpTarget, http: httpx.AsyncClient
) -> None:
    target.on("GET", "/t", Answer(drop=True))
    with pytest.raises(httpx.TransportError):
        await http.get(target.url("/t"))
    assert len(target.calls) == 1


async def test_a_slow_answer_runs_into_the_timeout(target: HttpTarget, http: httpx.AsyncClient) -> None:
    target.on("GET", "/t", Answer(delay_s=30))
    with pytest.raises(httpx.ReadTimeout):
        await http.get(target.url("/t"), timeout=0.1)


async def test_html_and_large_bodies_are_sent_as_given(target: HttpTarget, http: httpx.AsyncClient) -> None:
    target.on("GET", "/t", Answer(text="<p>no</p>" * 200_000, content_type="text/html"))
    answer = await http.get(target.url("/t"))
    assert answer.headers["content-type"].startswith("text/html")
    assert len(answer.content) == 9 * 200_000


async def test_what_is_not_set_is_not_found(target: HttpTarget, http: httpx.AsyncClient) -> None:
    assert (await http.get(target.url("/else"))).status_code == 404
