from __future__ import annotations

import ipaddress

import pytest

from focal_toolbox import errors
from focal_toolbox.adapters.outbound import AddressRefused, Outbound
from focal_toolbox.domain.hosts import AllowedHosts

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def _outbound(*hosts: str, networks: bool = True) -> Outbound:
    return Outbound(AllowedHosts(hosts), LOOPBACK if networks else ())


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


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "::1"])
async def test_no_spelling_of_loopback_gets_through(host: str) -> None:
    with pytest.raises(AddressRefused):
        await _outbound(networks=False).addresses(host, 80)
