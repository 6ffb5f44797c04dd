import ipaddress

import pytest

from focal_toolbox.domain import addresses


def _reachable(text: str, *networks: str) -> bool:
    address = addresses.read(text)
    assert address is not None, text
    return addresses.reachable(address, [ipaddress.ip_network(network) for network in networks])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:a00:1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not _reachable(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14"]
)
def test_the_public_internet_is_reachable(address: str) -> None:
    assert _reachable(address)


def test_a_network_that_is_allowed_is_reachable_and_its_neighbour_is_not() -> None:
    assert _reachable("10.1.2.3", "10.1.0.0/16")
    assert _reachable("::ffff:10.1.2.3", "10.1.0.0/16")
    assert not _reachable("10.2.0.1", "10.1.0.0/16")
    assert not _reachable("::1", "127.0.0.0/8")


@pytest.mark.parametrize("text", ["2130706433", "0177.0.0.1", "127.1", "0x7f000001", "localhost", ""])
def test_other_spellings_are_no_addresses_until_they_are_resolved(text: str) -> None:
    assert addresses.read(text) is None
