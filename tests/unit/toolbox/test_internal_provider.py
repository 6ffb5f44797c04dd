"""What the end of a function says about the world. Each verdict has been seen to fail when turned round."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest

from focal_toolbox import errors
from focal_toolbox.adapters.providers import internal, internal_functions
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.result import Progress
from focal_toolbox.ports.providers import TellingDispatch
from tests.doubles import tool_functions
from tests.fakes.until import until

LIMITS = internal.Limits(threads=2, result_bytes=1000)


@pytest.fixture(autouse=True)
def held() -> Iterator[None]:
    tool_functions.arrived.clear()
    tool_functions.let_go.clear()
    yield
    tool_functions.let_go.set()


@pytest.fixture
async def provider() -> AsyncIterator[internal.InternalProvider]:
    functions = internal_functions.load(["tests.doubles.tool_functions:shop"])
    async with internal.running(LIMITS) as running:
        yield internal.InternalProvider(functions, LIMITS, running)


async def _send(
    provider: internal.InternalProvider,
    function: str,
    arguments: Mapping[str, object] | None = None,
    timeout_s: float = 5,
    told: list[Progress] | None = None,
) -> Answer:
    dispatch = provider.prepare("acme", json.dumps({"function": function}), arguments or {})
    assert isinstance(dispatch, TellingDispatch)
    notify = (told if told is not None else []).append
    return await dispatch.telling(notify).send("key_1", timeout_s)


async def test_a_coroutine_is_given_its_context_and_tells_how_far_it_is(
    provider: internal.InternalProvider,
) -> None:
    told: list[Progress] = []
    answer = await _send(provider, "refund", {"order_id": "1", "amount": 5}, told=told)
    assert json.loads(answer.result_json) == {"refund": {"order": "1", "amount": 5}, "tenant": "acme"}
    assert tool_functions.paid["key_1"] == 5
    assert told == [Progress("paying", 0.5)]


async def test_another_function_runs_in_a_thread(provider: internal.InternalProvider) -> None:
    told: list[Progress] = []
    answer = await _send(provider, "look_up", {"order_id": "1"}, told=told)
    assert json.loads(answer.result_json) == {"order": "1", "thread": True}
    assert told == [Progress("looking")]


@pytest.mark.parametrize(
    ("function", "arguments", "verdict", "reason", "transient"),
    [
        ("refund", {"order_id": "none", "amount": 1}, Verdict.UNCHANGED, "order_not_found", False),
        ("closed", {}, Verdict.UNCHANGED, "closed", True),
        ("fail", {"secret": "4111"}, Verdict.UNKNOWN, "function_failed", False),
        ("exit", {}, Verdict.UNKNOWN, "function_failed", False),
        ("answer", {"kind": "nan"}, Verdict.UNKNOWN, "invalid_response", False),
        ("answer", {"kind": "object"}, Verdict.UNKNOWN, "invalid_response", False),
        ("answer", {"kind": "large"}, Verdict.UNKNOWN, "response_too_large", False),
        ("answer", {"kind": "nothing"}, Verdict.DONE, "", False),
    ],
)
async def test_only_a_stated_refusal_leaves_the_world_unchanged(
    provider: internal.InternalProvider,
    function: str,
    arguments: dict[str, object],
    verdict: Verdict,
    reason: str,
    transient: bool,
) -> None:
    answer = await _send(provider, function, arguments)
    assert (answer.verdict, answer.reason, answer.transient) == (verdict, reason, transient)
    assert "4111" not in answer.message


async def test_a_coroutine_that_swallows_its_cancellation_holds_nobody_up(
    provider: internal.InternalProvider,
) -> None:
    answer = await asyncio.wait_for(_send(provider, "stubborn", timeout_s=0.05), 3)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, "timeout")
    tool_functions.let_go.set()


async def test_a_thread_that_outlives_its_time_is_in_doubt_and_keeps_its_place(
    provider: internal.InternalProvider,
) -> None:
    answers = await asyncio.gather(*(_send(provider, "hold", timeout_s=0.1) for _ in range(2)))
    assert [(one.verdict, one.reason) for one in answers] == [(Verdict.UNKNOWN, "timeout")] * 2
    assert not provider.availability().available
    waiting = await _send(provider, "look_up", {"order_id": "1"}, 0.05)
    assert (waiting.verdict, waiting.reason, waiting.transient) == (Verdict.UNCHANGED, "busy", True)
    tool_functions.let_go.set()
    await until(lambda: provider.availability().available, "the threads are free")
    assert (await _send(provider, "look_up", {"order_id": "1"})).verdict is Verdict.DONE


@pytest.mark.parametrize(
    ("config", "arguments", "reason"),
    [
        ("{}", {}, "PROVIDER_NOT_CONFIGURED"),
        ('{"function":"nothing"}', {}, "PROVIDER_NOT_CONFIGURED"),
        ('{"function":"look_up","path":"/etc"}', {"order_id": "1"}, "PROVIDER_NOT_CONFIGURED"),
        ('{"function":"look_up"}', {}, "INVALID_TOOL_ARGUMENTS"),
        ('{"function":"look_up"}', {"order_id": "1", "context": 1}, "INVALID_TOOL_ARGUMENTS"),
    ],
)
async def test_what_cannot_be_called_is_refused_before_anything_is_reserved(
    provider: internal.InternalProvider, config: str, arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(errors.Refusal) as refused:
        provider.prepare("acme", config, arguments)
    assert refused.value.reason == reason


async def test_without_functions_the_provider_says_why_it_is_not_there() -> None:
    async with internal.running(LIMITS) as running:
        found = internal.InternalProvider({}, LIMITS, running).availability()
    assert not found.available
    assert "internal.packages" in found.reason
