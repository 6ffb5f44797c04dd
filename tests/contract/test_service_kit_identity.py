"""Who may call: tokens on the wire, the tenant they speak for, and what travels to the next hop."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc

from focal_service_kit import channels, errors, identity, settings
from focal_service_kit.config_sources import ConfigError
from focal_service_kit.host import Host
from tests.fakes import echo, in_process
from tests.fakes.until import until


@asynccontextmanager
async def asking_who(chosen: settings.ServiceSettings | None = None) -> AsyncIterator[in_process.Running]:
    """A service that answers with its caller; the request's text is the tenant of the body."""

    async def unary(request: Any, context: Any) -> Any:
        tenant = identity.tenant(request.value)
        caller = identity.current()
        return echo.text(f"{caller.kind.value} {caller.subject} {tenant} {sorted(caller.roles)}")

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    async with in_process.serving("toolbox", build, chosen=chosen) as running:
        yield running


async def reason_of(running: in_process.Running, token: str, body: str = "", **headers: str) -> str:
    stub = echo.Stub(running.channel(token))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.unary(echo.text(body), timeout=5, metadata=_metadata(headers))
    error = errors.from_rpc(caught.value)
    return f"{type(error).__name__} {error.reason}"


async def answer(running: in_process.Running, token: str, body: str = "", **headers: str) -> str:
    stub = echo.Stub(running.channel(token))
    reply = await stub.unary(echo.text(body), timeout=5, metadata=_metadata(headers))
    return str(reply.value)


async def refused(running: in_process.Running, token: str) -> bool:
    try:
        await answer(running, token)
    except grpc.aio.AioRpcError:
        return True
    return False


def _metadata(headers: dict[str, str]) -> list[tuple[str, str]]:
    return [(key.replace("_", "-"), value) for key, value in headers.items()]


CLAIMS = {"iss": "focal", "aud": "focal", "sub": "x", "tenant_id": "acme", "exp": 4e9}


def _signed(deployment: in_process.Deployment, **changed: object) -> str:
    """A correctly signed token of odd content; None leaves a claim out."""
    claims = {key: value for key, value in {**CLAIMS, **changed}.items() if value is not None}
    return jwt.encode(claims, deployment.tenant_key, "EdDSA")


def _resigned_without_signature(token: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=")
    return f"{header.decode()}.{token.split('.')[1]}."


def _tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["tenant_id"] = "victim"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


async def test_a_tenant_token_speaks_for_its_tenant() -> None:
    async with asking_who() as running:
        token = running.deployment.tenant_token(roles=["editor"])
        assert await answer(running, token) == "tenant tester acme ['editor']"
        assert await answer(running, token, body="acme") == "tenant tester acme ['editor']"


async def test_every_bad_token_is_refused_with_its_reason() -> None:
    stranger = in_process.Deployment()
    async with asking_who() as running:
        mine = running.deployment
        good = mine.tenant_token()
        refused = {
            "expired": mine.tenant_token(ttl_s=-60),
            "foreign audience": mine.tenant_token(aud="somebody-else"),
            "foreign issuer": mine.tenant_token(iss="somebody-else"),
            "foreign key": stranger.tenant_token(),
            "tampered": _tampered(good),
            "unsigned": _resigned_without_signature(good),
            "garbage": "not.a.token",
            "no tenant": mine.tenant_token(""),
            "roles are text": _signed(mine, roles="operator", tenant_id=""),
            "internal for another": mine.internal_token("memory"),
            "internal signed by a stranger": stranger.internal_token("toolbox"),
            "internal signed with the tenant key": _signed(mine, iss="focal-internal", aud=["toolbox"]),
            "without expiry": _signed(mine, exp=None),
            "without subject": _signed(mine, sub=None),
            "symmetric": jwt.encode(dict(CLAIMS), "k" * 32, "HS256"),
        }
        reasons = {name: await reason_of(running, token) for name, token in refused.items()}
    expected = dict.fromkeys(refused, "Unauthenticated INVALID_TOKEN")
    assert reasons == {**expected, "expired": "Unauthenticated TOKEN_EXPIRED"}


async def test_a_call_without_credentials_is_told_so() -> None:
    async with asking_who() as running, grpc.aio.insecure_channel(running.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await echo.Stub(channel).unary(echo.text(), timeout=5)
    assert errors.from_rpc(caught.value).reason == "AUTHENTICATION_REQUIRED"


async def test_health_needs_no_credentials() -> None:
    async with asking_who() as running, grpc.aio.insecure_channel(running.target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)


async def test_a_body_or_header_that_names_another_tenant_is_refused() -> None:
    async with asking_who() as running:
        mine = running.deployment
        for token in (mine.tenant_token(), mine.internal_token("toolbox")):
            assert await reason_of(running, token, "other") == "PermissionDenied TENANT_MISMATCH"
            assert (
                await reason_of(running, token, x_focal_tenant="other") == "PermissionDenied TENANT_MISMATCH"
            )


async def test_only_a_service_on_the_allow_list_asserts_a_tenant_by_header() -> None:
    async with asking_who() as running:
        mine = running.deployment
        router = mine.tenant_token("", subject="message_router")
        assert await answer(running, router, x_focal_tenant="acme") == "service message_router acme []"
        bound = mine.tenant_token("acme", subject="message_router")
        assert await reason_of(running, bound, x_focal_tenant="other") == "PermissionDenied TENANT_MISMATCH"
        unlisted = mine.tenant_token("", subject="other_router")
        assert await reason_of(running, unlisted, x_focal_tenant="acme") == "Unauthenticated INVALID_TOKEN"
        assert await reason_of(running, router, x_focal_tenant="a:b") == "InvalidArgument INVALID_ID"


async def test_the_header_of_one_call_does_not_stick_to_the_cached_token() -> None:
    async with asking_who() as running:
        router = running.deployment.tenant_token("", subject="message_router")
        assert "acme" in await answer(running, router, x_focal_tenant="acme")
        assert "umbrella" in await answer(running, router, x_focal_tenant="umbrella")
        assert await reason_of(running, router) == "InvalidArgument INVALID_FIELD"


async def test_an_operator_names_the_tenant_and_a_tenant_cannot_be_operator() -> None:
    async with asking_who() as running:
        operator = running.deployment.operator_token()
        assert await answer(running, operator, body="acme") == "operator tester acme ['operator']"
        pretender = running.deployment.tenant_token("acme", roles=["operator", "internal"])
        assert await answer(running, pretender) == "tenant tester acme []"


async def test_a_token_that_expires_is_refused_although_it_was_cached() -> None:
    strict = settings.ServiceSettings(auth=settings.AuthSettings(leeway_s=0))
    async with asking_who(strict) as running:
        token = running.deployment.tenant_token(ttl_s=1.5)
        assert "acme" in await answer(running, token)
        await until(lambda: refused(running, token), "the token is refused")
        assert await reason_of(running, token) == "Unauthenticated TOKEN_EXPIRED"


async def test_an_old_and_a_new_tenant_key_are_both_good_during_a_rotation() -> None:
    old, new = in_process.Deployment(), in_process.Deployment()
    keys = identity.Keys((old.tenant_key.public_key(), new.tenant_key.public_key()), old.internal_key)
    verifier = identity.Verifier("toolbox", keys, settings.AuthSettings())
    for deployment in (old, new):
        found = verifier.verify({"authorization": f"Bearer {deployment.tenant_token()}"})
        assert found.caller.tenant_id == "acme"


@asynccontextmanager
async def two_hops() -> AsyncIterator[in_process.Running]:
    """`pipeline` answers with what `toolbox` says about its caller."""
    deployment = in_process.Deployment()

    async def describe(request: Any, context: Any) -> Any:
        caller = identity.current()
        return echo.text(f"{caller.subject} {caller.tenant_id} {caller.turn_id} {caller.epoch}")

    async def build_back(host: Host) -> None:
        echo.add(host, unary=describe)

    async with in_process.serving("toolbox", build_back, deployment=deployment) as back:

        async def build_front(host: Host) -> None:
            stub = echo.Stub(host.channel(channels.ChannelSettings("toolbox", back.target)))

            async def ask(request: Any, context: Any) -> Any:
                return await stub.unary(request, timeout=5)

            echo.add(host, unary=ask)

        async with in_process.serving("pipeline", build_front, deployment=deployment) as front:
            yield front


async def test_a_turns_token_travels_to_the_services_it_was_minted_for() -> None:
    async with two_hops() as front:
        token = front.deployment.internal_token("pipeline", "toolbox", turn_id="trn_1", epoch=7)
        assert await answer(front, token) == "turn_gateway acme trn_1 7"


async def test_a_token_that_was_not_minted_for_the_next_hop_stays_behind() -> None:
    async with two_hops() as front:
        token = front.deployment.internal_token("pipeline", turn_id="trn_1", epoch=7)
        assert await answer(front, token) == "pipeline acme  0"


async def test_a_tenants_call_reaches_the_next_hop_in_the_services_own_name() -> None:
    async with two_hops() as front:
        assert await answer(front, front.deployment.tenant_token()) == "pipeline acme  0"


def test_a_private_key_is_not_accepted_as_another_kind_of_key(tmp_path: Any) -> None:
    paths = in_process.Deployment(Ed25519PrivateKey.generate()).write(tmp_path)
    swapped = settings.AuthSettings(
        tenant_public_key_file=paths["AUTH__INTERNAL_KEY_FILE"],
        internal_key_file=paths["AUTH__TENANT_PUBLIC_KEY_FILE"],
    )
    with pytest.raises(ConfigError, match="auth.tenant_public_key_file"):
        identity.load_keys(swapped)
