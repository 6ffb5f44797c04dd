"""TLS and mTLS between two services, and the refusal of plaintext off this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from focal_service_kit import channels, settings, tls
from focal_service_kit.config_sources import ConfigError
from focal_service_kit.host import Host
from tests.fakes import certificates, echo, in_process


@pytest.fixture
def authority() -> certificates.Authority:
    return certificates.Authority()


def encrypted(
    authority: certificates.Authority, directory: Path, who: str, mutual: bool = False
) -> settings.TlsSettings:
    certificate, key = authority.issue(directory, who)
    return settings.TlsSettings(
        certificate_file=certificate,
        private_key_file=key,
        ca_file=authority.certificate_file(directory),
        require_client_certificate=mutual,
    )


@asynccontextmanager
async def answering(
    chosen: settings.TlsSettings, deployment: in_process.Deployment
) -> AsyncIterator[in_process.Running]:
    async def unary(request: Any, context: Any) -> Any:
        return request

    async def build(host: Host) -> None:
        echo.add(host, unary=unary)

    process = settings.ServiceSettings(tls=chosen, drain=settings.DrainSettings(grace_s=0.2))
    async with in_process.serving("toolbox", build, chosen=process, deployment=deployment) as running:
        yield running


async def call(target: str, client: settings.TlsSettings, deployment: in_process.Deployment) -> str:
    """Ask from a process whose TLS settings are `client`."""
    process = settings.ServiceSettings(tls=client)
    host = Host("pipeline", process, deployment.keys)
    async with host.stack:
        stub = echo.Stub(host.channel(channels.ChannelSettings("toolbox", target)))
        return str((await stub.unary(echo.text("hello"), timeout=5)).value)


async def test_services_that_share_an_authority_talk_over_tls(
    authority: certificates.Authority, tmp_path: Path
) -> None:
    deployment = in_process.Deployment()
    async with answering(encrypted(authority, tmp_path, "toolbox"), deployment) as running:
        trusting = settings.TlsSettings(ca_file=authority.certificate_file(tmp_path))
        assert await call(running.target, trusting, deployment) == "hello"


async def test_mutual_tls_accepts_a_certificate_and_refuses_its_absence(
    authority: certificates.Authority, tmp_path: Path
) -> None:
    deployment = in_process.Deployment()
    async with answering(encrypted(authority, tmp_path, "toolbox", mutual=True), deployment) as running:
        with_certificate = encrypted(authority, tmp_path, "pipeline")
        assert await call(running.target, with_certificate, deployment) == "hello"
        without = settings.TlsSettings(ca_file=authority.certificate_file(tmp_path))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(running.target, without, deployment)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_mutual_tls_refuses_a_certificate_of_another_authority(
    authority: certificates.Authority, tmp_path: Path
) -> None:
    deployment = in_process.Deployment()
    (tmp_path / "stranger").mkdir()
    certificate, key = certificates.Authority().issue(tmp_path / "stranger", "pipeline")
    async with answering(encrypted(authority, tmp_path, "toolbox", mutual=True), deployment) as running:
        stranger = settings.TlsSettings(
            ca_file=authority.certificate_file(tmp_path), certificate_file=certificate, private_key_file=key
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(running.target, stranger, deployment)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_that_cannot_prove_itself_is_not_talked_to(
    authority: certificates.Authority, tmp_path: Path
) -> None:
    deployment = in_process.Deployment()
    (tmp_path / "other").mkdir()
    other = certificates.Authority().certificate_file(tmp_path / "other")
    async with answering(encrypted(authority, tmp_path, "toolbox"), deployment) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(running.target, settings.TlsSettings(ca_file=other), deployment)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_plaintext_to_an_encrypted_server_fails(
    authority: certificates.Authority, tmp_path: Path
) -> None:
    deployment = in_process.Deployment()
    async with answering(encrypted(authority, tmp_path, "toolbox"), deployment) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(running.target, settings.TlsSettings(), deployment)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("target", ["toolbox:7403", "dns:///toolbox:7403", "10.0.0.3:7403"])
async def test_a_channel_sends_no_plaintext_to_another_machine(target: str) -> None:
    deployment = in_process.Deployment()
    with pytest.raises(ConfigError, match="not loopback"):
        await call(target, settings.TlsSettings(), deployment)
    allowed = settings.ServiceSettings(grpc=settings.GrpcSettings(allow_insecure_remote=True))
    tls.check_target(allowed, target)


@pytest.mark.parametrize("listen", ["0.0.0.0:7403", "[::]:7403", "10.0.0.3:7403"])
def test_a_server_does_not_listen_in_plaintext_off_loopback(listen: str) -> None:
    grpc_settings = settings.GrpcSettings(listen=listen)
    assert tls.problems(settings.ServiceSettings(grpc=grpc_settings)) == [
        f"grpc.listen: {listen} is not loopback and TLS is off; set tls.* or grpc.allow_insecure_remote"
    ]
    allowed = grpc_settings.model_copy(update={"allow_insecure_remote": True})
    assert tls.problems(settings.ServiceSettings(grpc=allowed)) == []


def test_incomplete_tls_settings_are_named(tmp_path: Path) -> None:
    half = settings.TlsSettings(certificate_file=tmp_path / "none.pem", require_client_certificate=True)
    problems = tls.problems(settings.ServiceSettings(tls=half))
    assert [problem.split(":")[0] for problem in problems] == [
        "tls.certificate_file, tls.private_key_file",
        "tls.require_client_certificate",
        "tls.certificate_file",
    ]
