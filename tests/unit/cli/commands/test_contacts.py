"""`focal contacts` against a scripted gateway."""

from dataclasses import dataclass, field
from typing import Any

from focal.turn.v1 import contact_service_pb2 as pb
from focal.turn.v1 import contact_service_pb2_grpc as api
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh


@dataclass
class Contacts(api.ContactServiceServicer):
    """Two pages of contacts; notes what is asked."""

    requests: list[Any] = field(default_factory=list)

    async def PutContact(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.requests.append(request)
        return pb.PutContactResponse(contact=request.contact)

    async def ListContacts(self, request: Any, context: Any) -> Any:  # noqa: N802
        channel, following = {"": ("email", "next"), "next": ("sms", "")}[request.page_token]
        contact = pb.Contact(customer_id=request.customer_id, channel=channel, address="there")
        return pb.ListContactsResponse(contacts=[contact], next_page_token=following)

    async def DeleteContact(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.requests.append(request)
        return pb.DeleteContactResponse(deleted=len(self.requests) == 1)


async def run(fake_mesh: FakeMesh, *words: str) -> tuple[Any, list[Any]]:
    fake = Contacts()
    async with serving(api.add_ContactServiceServicer_to_server, fake) as target:
        fake_mesh.at({"turn_gateway": target})
        return await fake_mesh.terminal.focal("contacts", *words), fake.requests


async def test_all_contacts_of_a_customer_are_listed(fake_mesh: FakeMesh) -> None:
    outcome, _ = await run(fake_mesh, "list", "cus_1", "--json")
    assert [contact["channel"] for contact in outcome.documents[0]] == ["email", "sms"]
    outcome, _ = await run(fake_mesh, "list", "cus_1")
    assert "there" in outcome.output


async def test_a_word_is_stored_with_its_time_and_source(fake_mesh: FakeMesh) -> None:
    words = ("set", "cus_1", "sms", "+34600111222", "--source", "shop", "--opted-in", "--verified")
    outcome, [request] = await run(fake_mesh, *words, "--since", "2026-01-02T03:04:05")
    assert "may be written to" in outcome.output
    assert (request.contact.opted_in, request.contact.verified, request.contact.source) == (
        True,
        True,
        "shop",
    )
    assert request.contact.since.ToJsonString() == "2026-01-02T03:04:05Z"
    assert request.request_id


async def test_nothing_is_agreed_to_by_leaving_it_out(fake_mesh: FakeMesh) -> None:
    outcome, [request] = await run(fake_mesh, "set", "cus_1", "sms", "+34600111222", "--source", "shop")
    assert "did not agree" in outcome.output
    assert (request.contact.opted_in, request.contact.verified) == (False, False)
    assert not request.contact.HasField("since")
    missing, _ = await run(fake_mesh, "set", "cus_1", "sms", "+34600111222")
    assert missing.code == 2


async def test_a_contact_is_forgotten(fake_mesh: FakeMesh) -> None:
    outcome, [request] = await run(fake_mesh, "delete", "cus_1", "sms")
    assert (outcome.output.strip(), request.channel) == ("deleted", "sms")
