"""Unary methods of a foreign gRPC service: what is sent, and what each end says about the world."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from focal.config.v1 import tool_definition_pb2
from focal.toolbox.v1 import tool_pb2
from focal_toolbox import errors
from focal_toolbox.adapters.outbound import Outbound
from focal_toolbox.adapters.providers import grpc_calls, grpc_channels, grpc_methods
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.hosts import AllowedHosts
from tests.doubles import grpc_shop
from tests.fakes import certificates, running_toolbox

METHOD = f"{grpc_shop.SERVICE}/Refund"
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


async def _resolved(host: str, port: int) -> list[str]:
    return {"127.0.0.1": ["127.0.0.1"], "inner.example": ["10.0.0.1"]}.get(host, ["127.0.0.1"])


@asynccontextmanager
async def _provider(
    url: str, *, roots: bytes | None = None, sets: dict[str, bytes] | None = None, kept_s: float = 60
) -> AsyncIterator[grpc_calls.GrpcProvider]:
    outbound = Outbound(AllowedHosts(["127.0.0.1", "*.example"]), [LOOPBACK], _resolved)
    limits = grpc_channels.Limits(channels=2, kept_s=kept_s, connect_s=2, answer_bytes=10_000)
    channels = grpc_channels.Channels(outbound, limits, roots)
    try:
        yield grpc_calls.GrpcProvider(
            channels,
            grpc_methods.Reflected(60, 1_000_000),
            grpc_calls.Described(sets or {}, 100_000),
            outbound,
            Secrets({"SHOP": url, "TOKEN": "secret"}),
            10_000,
        )
    finally:
        await channels.close()


def _config(**more: Any) -> str:
    return json.dumps({"url": "${SHOP}", "method": METHOD, "descriptors": grpc_shop.DESCRIPTORS, **more})


def _reflected(**more: Any) -> str:
    return json.dumps({"url": "${SHOP}", "method": METHOD, **more})


async def _send(
    provider: grpc_calls.GrpcProvider,
    config: str | None = None,
    arguments: dict[str, Any] | None = None,
    *,
    key: str = "key_1",
    timeout_s: float = 5,
) -> Answer:
    given = {"order_id": "1"} if arguments is None else arguments
    return await provider.prepare("acme", config or _config(), given).send(key, timeout_s)


async def test_a_call_carries_key_metadata_and_exact_integers_and_gives_all_fields() -> None:
    config = _config(
        metadata={"authorization": "Bearer ${TOKEN}", "x-order": "no {order_id}"},
        request={"order_id": "{order_id}", "cents": "{amount}"},
    )
    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        answer = await _send(provider, config, {"order_id": "7", "amount": 9007199254740993})
        (call,) = shop.calls
    assert (call.request.order_id, call.request.cents) == ("7", 9007199254740993)
    assert call.metadata["idempotency-key"] == "key_1"
    assert (call.metadata["authorization"], call.metadata["x-order"]) == ("Bearer secret", "no 7")
    assert json.loads(answer.result_json) == {
        "refund_id": "r1",
        "cents": "9007199254740993",
        "final": False,
        "paid_at": "2026-01-02T03:04:05Z",
    }


@pytest.mark.parametrize("versions", [("v1",), ("v1alpha",), ("v1", "v1alpha")])
async def test_a_service_describes_itself_once(versions: tuple[str, ...]) -> None:
    async with grpc_shop.serving(*versions) as shop, _provider(shop.url) as provider:
        answers = [await _send(provider, _reflected()) for _ in range(3)]
        assert [one.verdict for one in answers] == [Verdict.DONE] * 3
        assert shop.reflections == [versions[0]]
        with pytest.raises(errors.Refusal, match="do not fit"):
            provider.prepare("acme", _reflected(), {"order_id": 3})
        assert shop.connected == 1


async def test_a_descriptor_set_of_the_settings_is_used_by_name() -> None:
    config = _reflected(descriptor_set="shop")
    async with grpc_shop.serving() as shop, _provider(shop.url, sets={"shop": grpc_shop.FILES}) as provider:
        assert (await _send(provider, config)).verdict is Verdict.DONE


@pytest.mark.parametrize(
    ("config", "arguments", "reason", "words"),
    [
        ("{}", {}, "PROVIDER_NOT_CONFIGURED", "method, url"),
        (_config(url="http://127.0.0.1:1"), {}, "PROVIDER_NOT_CONFIGURED", "grpc://host:port"),
        (_config(url="grpc://{order_id}:1"), {"order_id": "x"}, "PROVIDER_NOT_CONFIGURED", "no arguments"),
        (_config(url="grpc://10.0.0.1:50"), {}, "HOST_NOT_ALLOWED", "outbound.hosts"),
        (_config(method=f"{grpc_shop.SERVICE}/Watch"), {}, "PROVIDER_NOT_CONFIGURED", "not unary"),
        (_config(method=f"{grpc_shop.SERVICE}/No"), {}, "PROVIDER_NOT_CONFIGURED", "has the method"),
        (_config(descriptors="!"), {}, "PROVIDER_NOT_CONFIGURED", "base64"),
        (_config(descriptors="AAAA"), {}, "PROVIDER_NOT_CONFIGURED", "descriptor"),
        (_reflected(descriptor_set="no"), {}, "PROVIDER_NOT_CONFIGURED", "descriptor_sets"),
        (_config(metadata={"grpc-timeout": "1S"}), {}, "PROVIDER_NOT_CONFIGURED", "metadata"),
        (_config(metadata={"idempotency-key": "1"}), {}, "PROVIDER_NOT_CONFIGURED", "metadata"),
        (_config(metadata={"x": "${NOTHING}"}), {}, "PROVIDER_NOT_CONFIGURED", "NOTHING"),
        (_config(metadata={"x": "{a}"}), {"a": "1\r\nx: y"}, "INVALID_TOOL_ARGUMENTS", "header"),
        (_config(), {"order": "1"}, "INVALID_TOOL_ARGUMENTS", "do not fit"),
        (_config(), {"cents": 2**63}, "INVALID_TOOL_ARGUMENTS", "do not fit"),
        (_config(), {"cents": 1.5}, "INVALID_TOOL_ARGUMENTS", "do not fit"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is_reserved(
    config: str, arguments: dict[str, Any], reason: str, words: str
) -> None:
    async with _provider("grpc://127.0.0.1:1") as provider:
        with pytest.raises(errors.Refusal, match=words) as refused:
            provider.prepare("acme", config, arguments)
    assert refused.value.reason == reason


_C = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "verdict", "transient"),
    [
        (_C.INVALID_ARGUMENT, Verdict.UNCHANGED, False),
        (_C.NOT_FOUND, Verdict.UNCHANGED, False),
        (_C.ALREADY_EXISTS, Verdict.UNCHANGED, False),
        (_C.PERMISSION_DENIED, Verdict.UNCHANGED, False),
        (_C.UNAUTHENTICATED, Verdict.UNCHANGED, False),
        (_C.FAILED_PRECONDITION, Verdict.UNCHANGED, False),
        (_C.OUT_OF_RANGE, Verdict.UNCHANGED, False),
        (_C.UNIMPLEMENTED, Verdict.UNCHANGED, False),
        (_C.RESOURCE_EXHAUSTED, Verdict.UNCHANGED, True),
        (_C.UNAVAILABLE, Verdict.UNKNOWN, True),
        (_C.ABORTED, Verdict.UNKNOWN, True),
        (_C.DEADLINE_EXCEEDED, Verdict.UNKNOWN, True),
        (_C.CANCELLED, Verdict.UNKNOWN, False),
        (_C.INTERNAL, Verdict.UNKNOWN, False),
        (_C.UNKNOWN, Verdict.UNKNOWN, False),
        (_C.DATA_LOSS, Verdict.UNKNOWN, False),
    ],
)
async def test_only_a_status_that_refuses_leaves_the_world_unchanged(
    code: grpc.StatusCode, verdict: Verdict, transient: bool
) -> None:
    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        shop.behave(grpc_shop.refuse(code))
        answer = await _send(provider)
    assert (answer.verdict, answer.transient) == (verdict, transient)
    assert "4111" not in answer.message
    assert len(shop.calls) == 1


async def test_a_refusal_has_the_services_own_reason() -> None:
    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        shop.behave(grpc_shop.refuse(_C.FAILED_PRECONDITION, reason="ALREADY_REFUNDED"))
        assert (await _send(provider)).reason == "already_refunded"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (grpc_shop.garbage, "invalid_response"),
        (grpc_shop.large, "response_too_large"),
        (grpc_shop.fail, "grpc_unknown"),
    ],
)
async def test_an_answer_that_cannot_be_used_comes_after_the_deed(behaviour: Any, reason: str) -> None:
    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        shop.behave(behaviour)
        answer = await _send(provider)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, reason)
    assert "4111" not in answer.message


async def test_a_service_that_hangs_is_in_doubt_and_learns_that_nobody_waits() -> None:
    gone = asyncio.Event()

    async def hang(call: grpc_shop.Call) -> bytes:
        try:
            return await grpc_shop.hang(call)
        finally:
            gone.set()

    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        shop.behave(hang)
        answer = await _send(provider, timeout_s=0.3)
        await asyncio.wait_for(gone.wait(), 5)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, "timeout")


async def test_a_connection_that_breaks_during_the_call_is_a_doubt_and_the_next_call_connects_anew() -> None:
    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        shop.behave(grpc_shop.hang, grpc_shop.pay)
        call = asyncio.create_task(_send(provider))
        await asyncio.wait_for(shop.arrived.wait(), 5)
        shop.cut()
        answer = await call
        again = await _send(provider)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, "grpc_unavailable")
    assert again.verdict is Verdict.DONE
    assert len(shop.calls) == 2


async def test_a_service_that_is_away_leaves_no_doubt_and_is_found_when_it_is_back() -> None:
    async with grpc_shop.serving() as shop:
        url = shop.url
    async with _provider(url) as provider:
        answer = await _send(provider)
    assert (answer.verdict, answer.reason, answer.transient) == (Verdict.UNCHANGED, "unreachable", True)


async def test_a_service_that_describes_nothing_was_sent_nothing() -> None:
    async with grpc_shop.serving() as shop, _provider(shop.url) as provider:
        answer = await _send(provider, _reflected())
        assert (answer.verdict, answer.reason) == (Verdict.UNCHANGED, "no_reflection")
        assert shop.calls == []
    async with grpc_shop.serving("v1") as shop, _provider(shop.url) as provider:
        answer = await _send(provider, _reflected(method="acme.shop.v1.Nothing/Refund"))
        assert (answer.verdict, answer.reason) == (Verdict.UNCHANGED, "no_descriptor")
        answer = await _send(provider, _reflected(), {"order": 1})
        assert (answer.verdict, answer.reason) == (Verdict.UNCHANGED, "invalid_arguments")


async def test_tls_checks_the_name_although_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    authority = certificates.Authority()
    roots = authority.certificate_file(tmp_path).read_bytes()
    certificate, key = authority.issue(tmp_path, "shop", "shop.example")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    async with grpc_shop.serving("v1", credentials=credentials) as shop:
        for host, ends in (("shop.example", ""), ("other.example", "unreachable")):
            async with _provider(shop.url.replace("127.0.0.1", host), roots=roots) as provider:
                assert (await _send(provider)).reason == ends
        async with _provider(shop.url.replace("127.0.0.1", "shop.example")) as provider:
            assert (await _send(provider)).reason == "unreachable"


async def test_a_name_that_leads_inside_is_refused_when_it_is_connected_to() -> None:
    async with grpc_shop.serving() as shop:
        inside = shop.url.replace("127.0.0.1", "inner.example")
        async with _provider(inside) as provider:
            answer = await _send(provider)
    assert (answer.verdict, answer.reason) == (Verdict.UNCHANGED, "address_not_allowed")


async def test_channels_are_kept_within_bounds() -> None:
    async with _provider("grpc://127.0.0.1:1") as provider:
        for _ in range(4):
            async with grpc_shop.serving() as shop:
                config = _config(url=shop.url)
                assert [(await _send(provider, config)).verdict for _ in range(2)] == [Verdict.DONE] * 2
                assert shop.connected == 1
        assert len(provider._channels._kept) == 2


def _tool(policy: Any, **more: Any) -> tool_definition_pb2.ToolDefinition:
    found = running_toolbox.tool("act", policy, schema={}, config=json.loads(_reflected()), **more)
    found.provider_config_json = found.provider_config_json.replace("SHOP", "PROVIDER")
    found.provider = "grpc"
    return found


@pytest.mark.migrated("focal_toolbox")
async def test_the_running_toolbox_pays_once_by_grpc(database: str) -> None:
    async with grpc_shop.serving("v1") as shop:
        tools = [_tool(running_toolbox.IRREVERSIBLE, timeout_ms=300)]
        async with running_toolbox.serving(database, shop.url, tools=tools) as toolbox:
            paid = [await toolbox.execute("act", {"order_id": "1", "cents": 5}) for _ in range(2)]
            shop.behave(grpc_shop.hang)
            doubtful = await toolbox.execute("act", {"order_id": "2"})
    assert [one.status for one in paid] == [tool_pb2.TOOL_STATUS_SUCCESS, tool_pb2.TOOL_STATUS_CACHED]
    assert shop.calls[0].metadata["idempotency-key"] == paid[0].effect_key
    assert (doubtful.status, doubtful.error_reason) == (tool_pb2.TOOL_STATUS_IN_DOUBT, "timeout")
    assert len(shop.calls) == 2
