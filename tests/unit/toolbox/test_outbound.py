from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from focal_toolbox import errors
from focal_toolbox.adapters.outbound import AddressRefused, CheckedTransport, Outbound
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


def _outbound(*hosts: str, resolve: Names | None = None, networks: bool = True) -> Outbound:
    return Outbound(AllowedHosts(hosts), LOOPBACK if networks else (), resolve)


async def _get(url: str, outbound: Outbound, trust: ssl.SSLContext | None = None) -> httpx.Response:
    transport = CheckedTransport(outbound, trust or httpx.create_ssl_context(), httpx.Limits())
    async with httpx.AsyncClient(transport=transport, timeout=5) as client:
        return await client.get(url)


@pytest.mark.parametrize("host", ["evil.example.org", "2130706433", "0x7f.1", "..", "a" * 300])
def test_a_host_that_is_not_listed_is_refused(host: str) -> None:
    with pytest.raises(errors.Refusal, match=r"outbound\.hosts") as caught:
        _outbound("api.example.com").check("acme", host, 443)
    assert caught.value.reason == "HOST_NOT_ALLOWED"


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "::ffff:10.0.0.1", "::1"])
def test_a_listed_address_still_needs_its_network(host: str) -> None:
    with pytest.raises(errors.Refusal, match=r"outbound\.networks"):
        _outbound("*").check("acme", host, 80)
    _outbound("*").check("acme", "127.0.0.1", 80)


def test_a_host_out_of_an_argument_is_not_repeated() -> None:
    with pytest.raises(errors.Refusal) as caught:
        _outbound("*").check("acme", "card4111.example.org", 443, stated=False)
    assert "4111" not in caught.value.message


async def test_a_name_is_resolved_once_and_the_checked_address_connected_to() -> None:
    """Break: connect to `host` instead of `address` in CheckedBackend."""
    names = Names(["127.0.0.1"], [PUBLIC])
    async with tool_provider.serving() as provider:
        port = provider.url.rpartition(":")[2]
        answer = await _get(f"http://shop.invalid:{port}/x", _outbound(resolve=names))
    assert answer.json() == {"ok": True}
    assert names.asked == 1
    assert provider.received[0].headers["host"] == f"shop.invalid:{port}"


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["fe80::1%lo"], ["::ffff:127.0.0.1"]]
)
async def test_one_private_address_of_a_name_refuses_it(found: list[str]) -> None:
    async with tool_provider.serving() as provider:
        port = provider.url.rpartition(":")[2]
        with pytest.raises(AddressRefused):
            await _get(f"http://shop.invalid:{port}/", _outbound(resolve=Names(found), networks=False))
    assert provider.received == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "::1"])
async def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    with pytest.raises(AddressRefused):
        await _outbound(networks=False).addresses(host, 80)


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with tool_provider.serving() as provider:
        port = provider.url.rpartition(":")[2]
        outbound = _outbound(resolve=Names(["127.0.0.2", "127.0.0.1"]))
        answer = await _get(f"http://shop.invalid:{port}/", outbound)
    assert answer.is_success


async def test_a_name_that_nobody_knows_is_a_failed_connection() -> None:
    for host in ("shop.invalid", f"{'a' * 64}.example.com"):
        with pytest.raises(httpx.ConnectError):
            await _get(f"http://{host}/", _outbound())


def _server(folder: Path, *hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server for `hosts` shows, and what trusts it."""
    authority = certificates.Authority()
    trust = ssl.create_default_context(cafile=authority.certificate_file(folder))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(*authority.issue(folder, "shop", *hosts))
    return shown, trust


async def test_tls_checks_the_name_and_not_the_address(tmp_path: Path) -> None:
    shown, trust = _server(tmp_path, "shop.invalid")
    outbound = _outbound(resolve=Names(["127.0.0.1"]))
    async with tool_provider.serving(shown) as provider:
        port = provider.url.rpartition(":")[2]
        answer = await _get(f"https://shop.invalid:{port}/", outbound, trust)
        assert answer.is_success
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE"):
            await _get(f"https://other.invalid:{port}/", outbound, trust)
