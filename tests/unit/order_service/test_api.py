import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

import order_service
from order_service.store import Store
from tests.fakes.until import until
from tests.unit.order_service.conftest import Opener

PATIENCE_S = 10


async def refund(
    shop: httpx.AsyncClient,
    amount: object = "59.90",
    *,
    order: str = "10003",
    key: str | None = None,
    **query: int,
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await shop.post(f"/orders/{order}/refund", json={"amount": amount}, headers=headers, params=query)


async def paid(shop: httpx.AsyncClient) -> list[tuple[str, str, str | None]]:
    refunds = (await shop.get("/admin/refunds")).json()["refunds"]
    return [(r["order"], r["amount"], r["key"]) for r in refunds]


async def until_in_flight(shop: httpx.AsyncClient, count: int) -> None:
    async def reached() -> bool:
        return bool((await shop.get("/admin/refunds")).json()["in_flight"] == count)

    await until(reached, f"{count} requests in flight")


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_an_order_shows_its_items_total_and_delivery(shop: httpx.AsyncClient) -> None:
    order = (await shop.get("/orders/10012")).json()
    assert order["status"] == "delivered"
    assert order["delivered_on"] == "2026-03-02"
    assert order["total"] == "87.40"
    assert [item["sku"] for item in order["items"]] == ["BELT-1", "DRESS-S"]


async def test_an_order_shows_the_courier_who_is_to_come(shop: httpx.AsyncClient) -> None:
    assert (await shop.get("/orders/10003")).json()["pickup"] is None
    booked = (await shop.post("/orders/10003/pickup")).json()["pickup"]
    assert (await shop.get("/orders/10003")).json()["pickup"] == booked
    await shop.delete(f"/pickups/{booked}")
    assert (await shop.get("/orders/10003")).json()["pickup"] is None


async def test_a_request_is_known_by_its_key_with_what_it_was_answered(shop: httpx.AsyncClient) -> None:
    assert (await shop.get("/refunds/key_1")).json() == {"paid": False}
    answered = (await refund(shop, key="key_1")).json()
    assert (await shop.get("/refunds/key_1")).json() == {"paid": True, **answered}
    assert (await shop.get("/refunds/key_2")).json() == {"paid": False}


async def test_all_twenty_orders_exist(shop: httpx.AsyncClient) -> None:
    statuses = {(await shop.get(f"/orders/{number}")).status_code for number in range(10001, 10021)}
    assert statuses == {200}


async def test_a_look_up_takes_the_delay_it_is_told(shop: httpx.AsyncClient) -> None:
    began = time.monotonic()
    await shop.get("/orders/10001", params={"delay_ms": 200})
    assert time.monotonic() - began >= 0.2


async def test_a_label_is_the_same_at_every_request(shop: httpx.AsyncClient) -> None:
    labels = [(await shop.post("/orders/10003/return-label")).json() for _ in range(3)]
    assert labels[0]["label"] == "RL-10003"
    assert labels[0] == labels[1] == labels[2]


async def test_a_repeated_refund_is_paid_twice_by_default(shop: httpx.AsyncClient) -> None:
    assert (await refund(shop, key="k")).status_code == 200
    assert (await refund(shop, key="k")).status_code == 200
    assert await paid(shop) == [("10003", "59.90", "k")] * 2
    assert (await shop.get("/orders/10003")).json()["refunded"] == "119.80"


async def test_an_honoured_key_is_paid_once_and_answers_the_same(open_shop: Opener) -> None:
    async with open_shop(True) as shop:
        first, second = await refund(shop, key="k"), await refund(shop, 59.9, key="k")
        assert first.json() == second.json()
        assert await paid(shop) == [("10003", "59.90", "k")]
        assert code(await refund(shop, "1.00", key="k")) == (409, "IDEMPOTENCY_KEY_REUSED")
        assert code(await refund(shop, "1.00", key="other")) == (409, "ALREADY_REFUNDED")


async def test_two_requests_with_one_honoured_key_at_once_are_paid_once(open_shop: Opener) -> None:
    async with open_shop(True) as shop:
        answers = await asyncio.gather(*(refund(shop, key="k", delay_before_ms=50) for _ in range(5)))
        assert {answer.json()["refund_id"] for answer in answers} == {"RF-00001"}


async def test_refunds_survive_a_restart(open_shop: Opener) -> None:
    async with open_shop(False) as shop:
        await refund(shop, key="k")
    async with open_shop(False) as shop:
        assert await paid(shop) == [("10003", "59.90", "k")]


async def test_what_became_of_a_key_can_be_asked(shop: httpx.AsyncClient) -> None:
    await refund(shop, key="k")
    await refund(shop, key="other")
    found = (await shop.get("/refunds", params={"idempotency_key": "k"})).json()["refunds"]
    assert [r["key"] for r in found] == ["k"]
    assert (await shop.get("/refunds", params={"idempotency_key": "?"})).json() == {"refunds": []}


async def test_during_the_first_delay_nothing_is_paid(
    shop: httpx.AsyncClient,
) -> None:
    slow = asyncio.create_task(refund(shop, delay_before_ms=500))
    await until_in_flight(shop, 1)
    assert await paid(shop) == []
    assert (await slow).status_code == 200
    assert len(await paid(shop)) == 1


async def test_during_the_second_delay_the_refund_is_paid_but_not_answered(shop: httpx.AsyncClient) -> None:
    await shop.post("/admin/faults", json={"refund_delay_after_ms": 500})
    slow = asyncio.create_task(refund(shop))

    async def is_paid() -> bool:
        return bool(await paid(shop))

    await until(is_paid, "the refund is paid")
    assert not slow.done()
    assert (await slow).status_code == 200


async def test_a_caller_that_leaves_does_not_stop_its_refund(shop: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await shop.post(
            "/orders/10003/refund", json={"amount": 1}, params={"delay_before_ms": 300}, timeout=0.1
        )
    await until_in_flight(shop, 0)
    assert await paid(shop) == [("10003", "1.00", None)]


async def test_ordered_failures_come_before_the_work_or_after_it(shop: httpx.AsyncClient) -> None:
    await shop.post("/admin/faults", json={"fail_next": 1, "fail_next_after": 1, "status": 503})
    assert code(await refund(shop)) == (503, "INJECTED_FAULT")
    assert await paid(shop) == []
    assert code(await refund(shop)) == (503, "INJECTED_FAULT")
    assert len(await paid(shop)) == 1
    assert (await refund(shop)).status_code == 200


@pytest.mark.parametrize(
    ("order", "amount", "expected"),
    [
        ("99999", "1", (404, "ORDER_NOT_FOUND")),
        ("10004", "1", (409, "NOT_DELIVERED")),
        ("10007", "1", (409, "ALREADY_REFUNDED")),
        ("10003", "59.91", (422, "AMOUNT_TOO_HIGH")),
        ("10003", 0, (400, "BAD_REQUEST")),
        ("10003", -1, (400, "BAD_REQUEST")),
        ("10003", "1.001", (400, "BAD_REQUEST")),
        ("10003", "NaN", (400, "BAD_REQUEST")),
        ("10003", "1e999999", (400, "BAD_REQUEST")),
        ("10003", "much", (400, "BAD_REQUEST")),
        ("10003", True, (400, "BAD_REQUEST")),
        ("10003", None, (400, "BAD_REQUEST")),
    ],
)
async def test_a_senseless_refund_is_refused_and_not_recorded(
    shop: httpx.AsyncClient, order: str, amount: object, expected: tuple[int, str]
) -> None:
    assert code(await refund(shop, amount, order=order)) == expected
    assert await paid(shop) == []


async def test_a_courier_is_called_off_once(shop: httpx.AsyncClient) -> None:
    booked = (await shop.post("/orders/10003/pickup", headers={"idempotency-key": "k"})).json()
    assert booked == {"order": "10003", "pickup": "PU-00001", "carrier": "ParcelPost"}
    for _ in range(2):
        called_off = await shop.delete("/pickups/PU-00001")
        assert called_off.json() == {"pickup": "PU-00001", "cancelled": True}
    pickups = (await shop.get("/admin/pickups")).json()["pickups"]
    assert pickups == [{"pickup": "PU-00001", "order": "10003", "key": "k", "cancellations": 1}]
    assert code(await shop.delete("/pickups/PU-00002")) == (404, "PICKUP_NOT_FOUND")
    assert code(await shop.delete("/pickups/x")) == (404, "PICKUP_NOT_FOUND")


@pytest.mark.parametrize("body", ["", "[]", "{", "\x00"])
async def test_a_body_that_is_no_object_is_refused(shop: httpx.AsyncClient, body: str) -> None:
    assert code(await shop.post("/orders/10003/refund", content=body)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("path", ["/orders/10003?delay_ms=-1", "/orders/10003?delay_ms=soon", "/refunds"])
async def test_a_bad_query_is_refused(shop: httpx.AsyncClient, path: str) -> None:
    assert code(await shop.get(path)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "faults", [{"unknown": 1}, {"status": 200}, {"fail_next": "1"}, {"fail_next": True}, []]
)
async def test_bad_faults_are_refused(shop: httpx.AsyncClient, faults: object) -> None:
    assert code(await shop.post("/admin/faults", json=faults)) == (400, "BAD_REQUEST")


async def test_an_unknown_path_has_the_same_error_body(shop: httpx.AsyncClient) -> None:
    assert code(await shop.get("/nowhere")) == (404, "HTTP_ERROR")


@pytest.mark.parametrize("by_module", [True, False], ids=["python -m", "python folder"])
def test_it_runs_as_a_process(tmp_path: Path, by_module: bool) -> None:
    folder = Path(order_service.__file__).parent
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, *(["-m", "order_service"] if by_module else [str(folder)])]
    database = tmp_path / "o.sqlite"
    process = subprocess.Popen(
        [*command, "--port", str(port), "--db", str(database)],
        cwd=folder.parent if by_module else tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
    )
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=10))
        with client:
            assert client.get("/healthz").json() == {"status": "ok"}
            client.post("/orders/10001/refund", json={"amount": 1})
        process.kill()
        process.wait(timeout=10)
        with closing(Store(database)) as store:
            assert len(store.refunds()) == 1
    finally:
        process.kill()
        process.wait(timeout=10)
