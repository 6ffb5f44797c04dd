from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from focal_toolbox.adapters import http_client
from focal_toolbox.adapters.http_client import Wire
from focal_toolbox.adapters.outbound import AddressRefused, Outbound
from focal_toolbox.domain.hosts import AllowedHosts
from tests.doubles import tool_provider
from tests.fakes import certificates

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
PUBLIC = "93.184.215.14"


class Names:
    """A resolver of one host; answers are used up one per question, the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def _outbound(resolve: Names | None = None, *, networks: bool = True) -> Outbound:
    return Outbound(AllowedHosts(()), LOOPBACK if networks else (), resolve)


async def _get(
    url: str, outbound: Outbound, trust: ssl.SSLContext | None = None, wire: Wire | None = None
) -> tuple[int, str]:
    chosen = trust or ssl.create_default_context()
    async with (
        http_client.session(outbound, chosen, 5, 5) as client,
        client.get(url, trace_request_ctx=wire) as answer,
    ):
        return answer.status, await answer.text()


async def test_a_name_is_resolved_once_and_the_checked_address_connected_to() -> None:
    """Break: resolve to `host` instead of `address` in `_resolved`."""
    names = Names(["127.0.0.1"], [PUBLIC])
    async with tool_provider.serving() as provider:
        port = provider.url.rpartition(":")[2]
        answer = await _get(f"http://shop.invalid:{port}/x", _outbound(names))
    assert answer == (200, '{"ok":true}')
    assert names.asked == 1
    assert provider.received[0].headers["host"] == f"shop.invalid:{port}"


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["fe80::1%lo"], ["::ffff:127.0.0.1"]]
)
async def test_one_private_address_of_a_name_refuses_it(found: list[str]) -> None:
    async with tool_provider.serving() as provider:
        port = provider.url.rpartition(":")[2]
        with pytest.raises(AddressRefused):
            await _get(f"http://shop.invalid:{port}/", _outbound(Names(found), networks=False))
    assert provider.received == []


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_request_whose_connection_breaks_is_not_sent_again(method: str, keep: bool) -> None:
    """Break: leave the middleware out."""
    async with (
        tool_provider.serving() as provider,
        http_client.session(_outbound(), ssl.create_default_context(), 5, 5, keep=keep) as client,
    ):
        async with client.get(provider.url) as answer:
            await answer.read()
        provider.received.clear()
        provider.behave(tool_provider.hang_up)
        with pytest.raises(aiohttp.ClientError):
            await client.request(method, provider.url)
        assert len(provider.received) == 1


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with tool_provider.serving() as provider:
        port = provider.url.rpartition(":")[2]
        outbound = _outbound(Names(["127.0.0.2", "127.0.0.1"]))
        answer = await _get(f"http://shop.invalid:{port}/", outbound)
    assert answer[0] == 200


async def test_a_name_that_nobody_knows_is_a_failed_connection_and_nothing_was_sent() -> None:
    for host in ("shop.invalid", f"{'a' * 64}.example.com"):
        wire = Wire()
        with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL)):
            await _get(f"http://{host}/", _outbound(), wire=wire)
        assert not wire.sent


async def test_a_request_counts_as_sent_once_it_has_a_connection() -> None:
    """Break: leave a signal out of `_tracing`."""
    first, second = Wire(), Wire()
    async with (
        tool_provider.serving() as provider,
        http_client.session(_outbound(), ssl.create_default_context(), 5, 5) as client,
    ):
        for wire in (first, second):
            async with client.get(provider.url, trace_request_ctx=wire) as answer:
                await answer.read()
    assert (first.sent, second.sent) == (True, True)


def _server(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server for `hosts` shows, and what trusts it."""
    authority = certificates.Authority()
    trust = ssl.create_default_context(cafile=authority.certificate_file(folder))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(*authority.issue(folder, "shop", *hosts))
    return shown, trust


async def test_tls_checks_the_name_and_not_the_address(tmp_path: Path) -> None:
    shown, trust = _server(tmp_path, "shop.invalid")
    outbound = _outbound(Names(["127.0.0.1"]))
    async with tool_provider.serving(shown) as provider:
        port = provider.url.rpartition(":")[2]
        answer = await _get(f"https://shop.invalid:{port}/", outbound, trust)
        assert answer[0] == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await _get(f"https://other.invalid:{port}/", outbound, trust)
