from __future__ import annotations

import pytest

from focal_service_kit import addresses


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:7401",
        "127.8.0.1:1",
        "localhost:7401",
        "[::1]:7401",
        "dns:///localhost:7401",
        "dns:///127.0.0.1:7401",
        "ipv4:127.0.0.1:7401",
        "ipv4:127.0.0.1:7401,127.0.0.1:7402",
        "ipv6:[::1]:7401",
        "unix:/run/focal.sock",
    ],
)
def test_what_stays_on_this_machine_is_loopback(target: str) -> None:
    assert addresses.is_loopback(target)


@pytest.mark.parametrize(
    "target",
    [
        "0.0.0.0:7401",
        "[::]:7401",
        "10.0.0.1:7401",
        "toolbox:7403",
        "dns:///toolbox:7403",
        "dns://127.0.0.1/toolbox:7403",
        "localhost.example.org:1",
        "127.0.0.1.example.org:1",
        "",
        "ipv4:10.0.0.1:7401,127.0.0.1:7401",
        "ipv4:127.0.0.1:7401,10.0.0.1:7401",
    ],
)
def test_everything_else_is_not(target: str) -> None:
    assert not addresses.is_loopback(target)


def test_an_address_is_split_in_host_and_port() -> None:
    assert addresses.split("127.0.0.1:80") == ("127.0.0.1", 80)
    assert addresses.split("[::1]:80") == ("::1", 80)


@pytest.mark.parametrize("address", ["127.0.0.1", "host:", "host:http", ""])
def test_what_is_no_address_is_an_error(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        addresses.split(address)
