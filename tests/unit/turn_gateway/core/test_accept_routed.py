import asyncio
import json
from typing import Any

import pytest

from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.core.accept_routed import AcceptRouted
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.messages import Accepted, Submission
from focal_turn_gateway.domain.routed import Entry, Route
from tests.fakes.routed_streams import Streams
from tests.fakes.turn_gateway import NOW

ROUTE = Route("acme", "web")


class Store:
    """Fails as `failures` says, first come first served, then stores."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.stored: list[str] = []

    async def __call__(self, submission: Submission) -> Accepted:
        if self.failures:
            raise self.failures.pop(0)
        self.stored.append(submission.content.text)
        return Accepted("msg_1", "ses_1", 1, NOW, False, 1)


def accept(store: Store, streams: Streams, max_faults: int = 3) -> AcceptRouted:
    return AcceptRouted(
        store,
        streams,
        channel_catalogue.registry(),
        asyncio.Semaphore(1),
        max_chars=100,
        max_bytes=1000,
        retry_min_s=0.001,
        retry_max_s=0.002,
        max_faults=max_faults,
    )


def entry(text: str = "hello", **changes: Any) -> Entry:
    address = {"tenant_id": "acme", "agent_id": "desk", "channel": "web", "user_channel_id": "ada"}
    envelope = {**address, "message": {"text": text}, **changes}
    return Entry("1-1", {b"schema_version": b"1", b"envelope": json.dumps(envelope).encode()})


async def settle(store: Store, given: Entry, **changes: Any) -> Streams:
    streams = Streams()
    accepting = accept(store, streams, **changes)
    await accepting(accepting.unpack(ROUTE, given))
    return streams


async def test_an_entry_is_settled_once_its_message_is_stored() -> None:
    store = Store()
    streams = await settle(store, entry())
    assert (store.stored, streams.settled, streams.buried) == (["hello"], ["1-1"], {})


@pytest.mark.parametrize(
    "failure",
    [
        kernel_errors.ResourceExhausted("RATE_LIMIT_EXCEEDED", "slow down", retry_after_s=0.01),
        kernel_errors.ResourceExhausted("QUEUE_FULL", "full"),
        errors.StoreUnavailable(),
        kernel_errors.DeadlineExceeded("DEADLINE_EXCEEDED", "late"),
        kernel_errors.Aborted("FENCED", "lost a race"),
    ],
)
async def test_what_passes_is_waited_for(failure: kernel_errors.FocalError) -> None:
    failure.retry_after_s = min(failure.retry_after_s or 0, 0.01)
    store = Store(*[failure] * 5)
    streams = await settle(store, entry())
    assert (store.stored, streams.buried) == (["hello"], {})


async def test_a_limit_is_left_alone_for_as_long_as_it_asks() -> None:
    limited = kernel_errors.ResourceExhausted("RATE_LIMIT_EXCEEDED", "slow down", retry_after_s=0.05)
    before = asyncio.get_running_loop().time()
    await settle(Store(limited), entry())
    assert asyncio.get_running_loop().time() - before >= 0.045


@pytest.mark.parametrize(
    "refusal",
    [
        kernel_errors.NotFound("AGENT_NOT_FOUND", "no such agent"),
        errors.RequestIdReused(),
        kernel_errors.PermissionDenied("INSUFFICIENT_PERMISSIONS", "blocked"),
    ],
)
async def test_a_refusal_for_good_is_a_dead_letter(refusal: kernel_errors.FocalError) -> None:
    store = Store(refusal)
    streams = await settle(store, entry())
    assert (store.stored, streams.settled) == ([], [])
    assert streams.buried == {"1-1": refusal.reason}


async def test_poison_is_never_tried() -> None:
    store = Store()
    assert (await settle(store, entry(agent_id=7))).buried == {"1-1": "INVALID_FIELD"}
    assert store.stored == []


async def test_a_fault_nobody_foresaw_does_not_block_a_stream_for_ever() -> None:
    assert (await settle(Store(ValueError(), ValueError()), entry())).settled == ["1-1"]
    streams = await settle(Store(*[ValueError()] * 3), entry())
    assert streams.buried == {"1-1": "INTERNAL_ERROR"}


async def test_an_entry_that_was_trimmed_meanwhile_is_settled() -> None:
    store = Store()
    assert (await settle(store, Entry("1-1", {}))).settled == ["1-1"]
    assert store.stored == []


async def test_customers_have_lanes_of_their_own() -> None:
    accepting = accept(Store(), Streams())
    ada, bob = entry(), entry(user_channel_id="bob")
    assert accepting.unpack(ROUTE, ada).lane != accepting.unpack(ROUTE, bob).lane
