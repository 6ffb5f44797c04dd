"""Five services that speak mutual TLS with one another and with their callers."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from focal_cli import admin
from focal_cli.connection import Connection
from focal_cli.demo import example, shop
from focal_cli.local import mesh, topology
from focal_client import CallFailed
from focal_client.channels import Tls
from tests.fakes import certificates


def environment(authority: certificates.Authority, folder: Path) -> dict[str, dict[str, str]]:
    """What makes every service show a certificate of its own and ask for one."""
    shown: dict[str, dict[str, str]] = {}
    for service in topology.SERVICES:
        certificate, key = authority.issue(folder, service)
        settings = {
            "CERTIFICATE_FILE": str(certificate),
            "PRIVATE_KEY_FILE": str(key),
            "CA_FILE": str(authority.certificate_file(folder)),
            "REQUIRE_CLIENT_CERTIFICATE": "true",
        }
        shown[service] = {f"FOCAL_{service.upper()}__TLS__{name}": text for name, text in settings.items()}
    return shown


async def ask(desk: Connection, timeout_s: float = 20) -> gateway.SendMessageResponse:
    async with desk.client() as client:
        question = "What are your opening hours?"
        return await client.send(
            question, agent_id="returns_desk", channel="web", channel_user_id="ada", timeout_s=timeout_s
        )


async def test_a_mesh_on_mutual_tls_answers_and_refuses_callers_without_a_certificate(tmp_path: Path) -> None:
    authority = certificates.Authority()
    certificate, key = authority.issue(tmp_path, "customer")
    tls = Tls(authority.certificate_file(tmp_path), certificate, key)
    env = environment(authority, tmp_path)
    env["toolbox"] |= shop.choose().environment()["toolbox"]
    options = mesh.Options(env=env, tls=tls, durable=False)
    async with mesh.LocalMesh(tmp_path / ".focal", options) as local:
        desk = Connection(local.record(), local.keys, "demo", tls)
        await admin.ensure_tenant(desk)
        await admin.publish_to_end(desk, admin.sources(example.find().agent))
        answer = await ask(desk)
        assert "from 9 to 18" in answer.turn.reply[0].text
        stranger = Connection(local.record(), local.keys, "demo", Tls(authority.certificate_file(tmp_path)))
        with pytest.raises(CallFailed) as refused:
            await ask(stranger, timeout_s=1)
        assert refused.value.status is grpc.StatusCode.UNAVAILABLE
