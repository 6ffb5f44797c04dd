import pytest

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_kernel import errors as kernel_errors
from focal_service_kit import pages
from focal_turn_gateway import errors
from focal_turn_gateway.codecs import requests
from focal_turn_gateway.domain import channel_catalogue

REGISTRY = channel_catalogue.registry()


def test_an_address_and_its_content_become_a_submission() -> None:
    address = requests.address_from_proto(
        pb.Address(agent_id="desk", channel="webchat", channel_user_id="u:1"), REGISTRY
    )
    content = pb.MessageContent(text="hi", metadata={"a": "b"}, provider_message_id="wamid.1")
    submission = requests.submission_from_proto("acme", address, content, "r1", 10)
    assert (submission.tenant_id, submission.request_id) == ("acme", "r1")
    assert (submission.address.channel, submission.address.channel_user_id) == ("web", "u:1")
    assert (submission.content.metadata, submission.content.provider_message_id) == ({"a": "b"}, "wamid.1")


def test_a_page_starts_behind_the_id_of_its_token() -> None:
    assert requests.page_start(pages.token("ses_1", "sessions x"), "sessions x") == "ses_1"
    assert requests.page_start("", "sessions x") == ""


@pytest.mark.parametrize("token", ["x", pages.token("ses_1", "y"), pages.token("a b", "x")])
def test_a_token_that_leads_to_no_id_is_refused(token: str) -> None:
    with pytest.raises(kernel_errors.InvalidArgument):
        requests.page_start(token, "x")


def test_an_offset_is_never_negative() -> None:
    assert requests.offset_from_proto(0) == 0
    with pytest.raises(errors.InvalidField):
        requests.offset_from_proto(-1)
