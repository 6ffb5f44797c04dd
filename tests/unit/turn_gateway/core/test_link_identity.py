from dataclasses import replace

import pytest

from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.core.link_identity import LinkIdentity
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.channels import Channel, Layer, Override, Scope
from focal_turn_gateway.domain.messages import Address, Content, Submission
from tests.fakes.channel_overrides import Overrides, channel_policies
from tests.fakes.turn_gateway import Directory

PHONE, EMAIL = "+34600111222", "Ada@example.com"


def from_user(channel: str, user: str, *, verified: bool = False) -> Submission:
    return Submission("acme", Address("desk", channel, user), Content("hi"), "", address_verified=verified)


async def owned(submission: Submission, *layers: Layer) -> str | None:
    linked = await LinkIdentity(channel_policies(*layers))(submission)
    assert replace(linked, owned=None) == submission
    return linked.owned.key if linked.owned else None


@pytest.mark.parametrize("channel", ["whatsapp", "sms"])
async def test_a_medium_that_vouches_for_its_numbers_links_by_them(channel: str) -> None:
    assert await owned(from_user(channel, PHONE)) == f"phone:{PHONE}"
    assert await owned(from_user(channel, "600111222")) is None
    assert await owned(from_user(channel, "ada@example.com")) is None


@pytest.mark.parametrize("channel", ["email", "voice", "web", "slack", "api"])
@pytest.mark.parametrize("user", [PHONE, EMAIL])
async def test_what_a_customer_only_claims_links_nobody(channel: str, user: str) -> None:
    assert await owned(from_user(channel, user)) is None


async def test_an_address_that_the_caller_vouches_for_links() -> None:
    assert await owned(from_user("email", EMAIL, verified=True)) == "email:ada@example.com"
    assert await owned(from_user("web", EMAIL, verified=True)) == "email:ada@example.com"
    assert await owned(from_user("slack", PHONE, verified=True)) == f"phone:{PHONE}"
    assert await owned(from_user("web", "visitor-7", verified=True)) is None
    assert await owned(from_user("email", PHONE, verified=True)) is None


async def test_a_tenant_may_keep_its_channels_apart() -> None:
    apart = Layer(Scope(channel="sms"), Override(link_identities=False))
    assert await owned(from_user("sms", PHONE), apart) is None
    assert await owned(from_user("whatsapp", PHONE), apart) == f"phone:{PHONE}"


async def test_a_channel_that_is_registered_no_more_links_nobody() -> None:
    registry = channel_catalogue.registry([Channel("kiosk")])
    link = LinkIdentity(ChannelPolicies(registry, Overrides(), Directory()))
    assert (await link(from_user("pager", PHONE))).owned is None
