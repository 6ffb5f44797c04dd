import json
from typing import Any

import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.messages import Submission, traceparent
from focal_turn_gateway.domain.routed import Entry, Route, submission

ROUTE = Route("acme", "whatsapp")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def envelope(**changes: Any) -> dict[str, Any]:
    return {
        "tenant_id": "acme",
        "agent_id": "desk",
        "channel": "whatsapp",
        "user_channel_id": "+4930",
        "message": {"id": "wamid.1", "content_type": "text", "text": "Hi"},
        "timestamp": "2026-01-02T03:04:05Z",
        "metadata": {"locale": "de"},
        **changes,
    }


def entry(content: Any = None, entry_id: str = "7-1", **headers: str) -> Entry:
    raw = content if isinstance(content, bytes) else json.dumps(envelope() if content is None else content)
    fields = {"schema_version": "1.0", "tenant_id": "acme", "envelope": raw, **headers}
    return Entry(
        entry_id,
        {
            name.encode(): value if isinstance(value, bytes) else value.encode()
            for name, value in fields.items()
        },
    )


def read(given: Entry, route: Route = ROUTE) -> Submission:
    return submission(route, given, channel_catalogue.registry(), max_chars=20, max_bytes=2000)


def test_an_entry_becomes_a_message_with_what_it_came_with() -> None:
    found = read(entry(traceparent=TRACE))
    assert (found.tenant_id, found.address.agent_id, found.address.channel_user_id) == (
        "acme",
        "desk",
        "+4930",
    )
    assert found.content.text == "Hi"
    assert dict(found.content.metadata) == {
        "locale": "de",
        "focal.traceparent": TRACE,
        "focal.router_timestamp": "2026-01-02T03:04:05Z",
    }


def test_a_repeat_has_the_same_request_and_content_whatever_its_trace_and_its_time() -> None:
    first, again = read(entry(traceparent=TRACE)), read(entry(envelope(timestamp=1), "8-1"))
    assert (first.request_id, first.content_hash) == (again.request_id, again.content_hash)


def test_a_provider_id_counts_within_its_channel_agent_and_customer_only() -> None:
    web = Route("acme", "web")
    ids = {
        read(entry()).request_id,
        read(entry(envelope(channel="web")), web).request_id,
        read(entry(envelope(agent_id="other"))).request_id,
        read(entry(envelope(user_channel_id="+4931"))).request_id,
    }
    assert len(ids) == 4


def test_without_a_provider_id_the_entry_itself_is_the_request_and_keeps_it_when_put_back() -> None:
    plain = envelope(message={"text": "Hi"})
    first = read(entry(plain, "7-1"))
    assert first.request_id != read(entry(plain, "7-2")).request_id
    assert first.request_id == read(entry(plain, "9-1", origin="7-1")).request_id


def test_channel_aliases_meet() -> None:
    found = read(entry(envelope(channel="web")), Route("acme", "webchat"))
    assert found.address.channel == "web"


def test_a_later_minor_version_and_unknown_members_are_read() -> None:
    assert read(entry(envelope(new=1), schema_version="1.7")).content.text == "Hi"


def test_a_trace_that_cannot_be_read_is_left_out() -> None:
    assert "focal.traceparent" not in read(entry(traceparent="nonsense")).content.metadata
    assert traceparent(()) == ""


POISON: list[tuple[str, Entry, str]] = [
    ("no json", entry(b"{"), "UNREADABLE_ENVELOPE"),
    ("no utf-8", entry(b"\xff"), "UNREADABLE_ENVELOPE"),
    ("no object", entry([1]), "UNREADABLE_ENVELOPE"),
    ("no envelope", Entry("7-1", {b"schema_version": b"1"}), "UNREADABLE_ENVELOPE"),
    ("a lone surrogate", entry(b'{"a": "\\ud800"}'), "UNREADABLE_ENVELOPE"),
    ("endless nesting", entry(b"[" * 1900), "UNREADABLE_ENVELOPE"),
    ("too large", entry(b" " * 2001), "PAYLOAD_TOO_LARGE"),
    ("a later version", entry(schema_version="2.0"), "UNKNOWN_SCHEMA_VERSION"),
    ("no version", entry(schema_version=""), "UNKNOWN_SCHEMA_VERSION"),
    ("another tenant", entry(envelope(tenant_id="umbrella")), "TENANT_MISMATCH"),
    ("another tenant in the header", entry(tenant_id="umbrella"), "TENANT_MISMATCH"),
    ("another channel", entry(envelope(channel="sms")), "INVALID_FIELD"),
    ("an unknown channel", entry(envelope(channel="fax")), "UNKNOWN_CHANNEL"),
    ("no agent", entry(envelope(agent_id=None)), "INVALID_FIELD"),
    ("a bad agent", entry(envelope(agent_id="a b")), "INVALID_ID"),
    ("no customer", entry(envelope(user_channel_id="")), "INVALID_ID"),
    ("a text for a message", entry(envelope(message="Hi")), "INVALID_FIELD"),
    ("no text", entry(envelope(message={"text": " "})), "EMPTY_TEXT"),
    ("a long text", entry(envelope(message={"text": "a" * 21})), "TEXT_TOO_LONG"),
    ("a NUL", entry(envelope(message={"text": "a\x00"})), "INVALID_FIELD"),
    (
        "an image",
        entry(envelope(message={"content_type": "image", "text": "see"})),
        "UNSUPPORTED_CONTENT_TYPE",
    ),
    ("metadata that is no map", entry(envelope(metadata=[1])), "INVALID_FIELD"),
    ("metadata of numbers", entry(envelope(metadata={"a": 1})), "INVALID_FIELD"),
]


@pytest.mark.parametrize(("given", "reason"), [row[1:] for row in POISON], ids=[row[0] for row in POISON])
def test_poison_says_why(given: Entry, reason: str) -> None:
    with pytest.raises(errors.Poison) as caught:
        read(given)
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["", "acme", "acme.", ".web", "acme.web.x", "ac me.web"])
def test_names_that_are_no_route(name: str) -> None:
    assert Route.parsed(name) is None
    assert Route.parsed("acme.web") == Route("acme", "web")
