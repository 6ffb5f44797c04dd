"""`focal publish`, `tenants`, `effects` and `token` against scripted services."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest

from focal.config.v1 import config_admin_service_pb2 as config_admin
from focal.config.v1 import config_admin_service_pb2_grpc as config_admin_grpc
from focal.config.v1 import tenant_service_pb2, tenant_service_pb2_grpc, version_pb2
from tests.fakes import gateway_server
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh, Terminal


@dataclass
class FakePublisher:
    """Answers `Publish` with the scripted steps."""

    steps: list[config_admin.PublishResponse]
    requests: list[config_admin.PublishRequest] = field(default_factory=list)

    async def Publish(  # noqa: N802
        self, request: config_admin.PublishRequest, _: object
    ) -> AsyncIterator[config_admin.PublishResponse]:
        self.requests.append(request)
        for step in self.steps:
            yield step

    def __getattr__(self, name: str) -> object:
        return None if name[0].isupper() else object.__getattribute__(self, name)


def add_publisher(fake: Any, server: grpc.aio.Server) -> None:
    config_admin_grpc.add_ConfigAdminServiceServicer_to_server(fake, server)


PROBLEM = version_pb2.Problem(
    path="scenarios/return.yaml", line=7, column=3, reason="DANGLING_STEP", message="no step 'refnd'"
)


async def test_a_refused_folder_lists_every_problem_with_its_place(
    fake_mesh: FakeMesh, tmp_path: Path
) -> None:
    (tmp_path / "agent.yaml").write_text("id: a\n")
    refused = config_admin.PublishResponse(refused=config_admin.PublishRefused(problems=[PROBLEM]))
    async with serving(add_publisher, FakePublisher([refused])) as target:
        fake_mesh.at({"config_watcher": target})
        outcome = await fake_mesh.terminal.focal("publish", str(tmp_path))
    assert outcome.code == 1
    assert "scenarios/return.yaml:7:3" in outcome.output
    assert "DANGLING_STEP" in outcome.output


async def test_a_published_folder_sends_its_files_by_relative_path(
    fake_mesh: FakeMesh, tmp_path: Path
) -> None:
    folder = tmp_path / "agent"
    (folder / "scenarios").mkdir(parents=True)
    (folder / "agent.yaml").write_text("id: a\n")
    (folder / "scenarios" / "return.yaml").write_text("id: r\n")
    (folder / "notes.txt").write_text("not for the mesh")
    changed = version_pb2.Difference(kind="tool", id="pay", change="changed", fields=["policy"])
    published = config_admin.PublishResponse(published=config_admin.Published(tool_changes=[changed]))
    fake = FakePublisher([published])
    async with serving(add_publisher, fake) as target:
        fake_mesh.at({"config_watcher": target})
        outcome = await fake_mesh.terminal.focal("publish", str(folder), "--json")
        people = await fake_mesh.terminal.focal("publish", str(folder))
    assert outcome.code == 0
    assert "tool pay changed: policy" in people.output
    assert [file.path for file in fake.requests[0].files] == ["agent.yaml", "scenarios/return.yaml"]


async def test_a_folder_without_sources_is_refused_before_any_call(
    fake_mesh: FakeMesh, tmp_path: Path
) -> None:
    fake_mesh.at({})
    empty = tmp_path / "empty"
    empty.mkdir()
    outcome = await fake_mesh.terminal.focal("publish", str(empty))
    assert outcome.code == 1
    assert "holds no YAML files" in outcome.errors


class Registry(tenant_service_pb2_grpc.TenantServiceServicer):
    """Refuses every tenant as known, and lists two pages."""

    async def CreateTenant(self, request: Any, context: Any) -> Any:  # noqa: N802
        await gateway_server.refuse(context, grpc.StatusCode.ALREADY_EXISTS, "TENANT_EXISTS")

    async def GetTenant(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    async def ListTenants(self, request: Any, context: Any) -> Any:  # noqa: N802
        token = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["roles"] == ["operator"]
        page = {"": ("acme", "next"), "next": ("demo", "")}[request.page_token]
        return tenant_service_pb2.ListTenantsResponse(
            tenants=[tenant_service_pb2.Tenant(tenant_id=page[0])], next_page_token=page[1]
        )


async def test_tenants_are_listed_over_all_pages_by_an_operator(fake_mesh: FakeMesh) -> None:
    add = tenant_service_pb2_grpc.add_TenantServiceServicer_to_server
    async with serving(add, Registry()) as target:
        fake_mesh.at({"config_watcher": target})
        outcome = await fake_mesh.terminal.focal("tenants", "list", "--json")
    assert [tenant["tenant_id"] for tenant in outcome.documents[0]] == ["acme", "demo"]


async def test_a_refusal_shows_its_reason(fake_mesh: FakeMesh) -> None:
    add = tenant_service_pb2_grpc.add_TenantServiceServicer_to_server
    async with serving(add, Registry()) as target:
        fake_mesh.at({"config_watcher": target})
        outcome = await fake_mesh.terminal.focal("tenants", "add", "demo")
    assert outcome.code == 1
    assert "TENANT_EXISTS" in outcome.errors


async def test_a_token_claims_what_was_asked(fake_mesh: FakeMesh) -> None:
    arguments = ("token", "--tenant", "acme", "--role", "admin", "--role", "editor", "--hours", "2")
    outcome = await fake_mesh.terminal.focal(*arguments)
    claims = jwt.decode(outcome.output.strip(), options={"verify_signature": False})
    assert (claims["tenant_id"], claims["roles"]) == ("acme", ["admin", "editor"])


async def test_a_folder_without_keys_gives_no_token(terminal: Terminal) -> None:
    outcome = await terminal.focal("token")
    assert outcome.code == 1
    assert "focal up" in outcome.errors


async def test_the_doctor_finds_this_machine_well(terminal: Terminal) -> None:
    outcome = await terminal.focal("doctor", "--json")
    assert outcome.code == 0
    assert all(finding["well"] for finding in outcome.documents[0])


async def test_a_port_that_is_no_pair_is_explained(terminal: Terminal) -> None:
    outcome = await terminal.focal("up", "--port", "7401")
    assert outcome.code == 1
    assert "NAME=NUMBER" in outcome.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--port", "turn_gateway=99999"], "a number below 65536"),
        (["up", "--port", "nothing=4000"], "no nothing to give a port"),
        (["up", "--port", "memory=4000", "--port", "toolbox=4000"], "wanted twice"),
    ],
)
async def test_ports_that_cannot_be_are_refused_before_anything_starts(
    terminal: Terminal, arguments: list[str], words: str
) -> None:
    outcome = await terminal.focal(*arguments, "--json")
    assert outcome.code == 1
    assert words in str(outcome.documents[0]["error"])


@pytest.mark.parametrize("command", ["up", "sessions list"])
async def test_a_home_that_is_a_file_is_explained(terminal: Terminal, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("no folder")
    outcome = await terminal.focal(*command.split(), "--home", str(tmp_path / "file"))
    assert outcome.code == 1
    assert "--home" in outcome.errors
    assert "fault" not in outcome.errors


async def test_a_file_that_is_no_text_is_named(fake_mesh: FakeMesh, tmp_path: Path) -> None:
    fake_mesh.at({})
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "agent.yaml").write_bytes(b"id: \xff")
    outcome = await fake_mesh.terminal.focal("publish", str(folder))
    assert outcome.code == 1
    assert "agent.yaml is not UTF-8" in outcome.errors


@pytest.mark.parametrize("arguments", [["nosuch"], ["send"], ["publish", "absent"], ["send", "x", "--bogus"]])
async def test_a_misused_command_answers_machines_in_json(terminal: Terminal, arguments: list[str]) -> None:
    outcome = await terminal.focal(*arguments, "--json")
    assert outcome.code == 2
    assert "--help" in outcome.documents[0]["error"]["mend"]


async def test_no_command_at_all_shows_the_help(terminal: Terminal) -> None:
    outcome = await terminal.focal()
    assert "doctor" in outcome.output + outcome.errors
