import ipaddress

import pytest

from focal_client import webhooks as receiving
from focal_turn_gateway import errors
from focal_turn_gateway.domain import webhooks
from focal_turn_gateway.domain.webhooks import Answer, Retries

SECRET, FORMER = "s" * 32, "f" * 40


def test_receivers_can_verify_what_we_sign_with_each_secret() -> None:
    header = webhooks.signature((SECRET, FORMER), 1000, b"{}")
    for secret in (SECRET, FORMER):
        receiving.verify(header, b"{}", secret, now_s=1000)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/hooks?x=1",
        "https://8.8.8.8/",
        "https://[2606:4700::1]/",
    ],
)
def test_a_public_https_url_may_be_posted_to(url: str) -> None:
    assert webhooks.checked_url(url, allow_local=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "ftp://example.com",
        "https://",
        "https://user:pass@example.com",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://exämple.com/",
        "https://example.com/ x",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://192.168.0.1:8080/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://example.com/" + "x" * 2048,
        "nonsense",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(errors.InvalidField):
        webhooks.checked_url(url, allow_local=False)


def test_a_setting_permits_local_receivers() -> None:
    assert webhooks.checked_url("http://127.0.0.1:80/", allow_local=True)
    with pytest.raises(errors.InvalidField):
        webhooks.checked_url("ftp://127.0.0.1/", allow_local=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("::", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert webhooks.is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize("secret", ["", "s" * 31, "s" * 257, "s" * 31 + "é", "s" * 32 + "\n"])
def test_a_weak_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(errors.InvalidField) as refusal:
        webhooks.checked_secret(secret)
    assert not secret or secret not in str(refusal.value)
    assert webhooks.checked_secret(SECRET) == SECRET


@pytest.mark.parametrize(
    ("status", "accepted", "final"),
    [
        (200, True, False),
        (204, True, False),
        (0, False, False),
        (302, False, False),
        (400, False, True),
        (410, False, True),
        (429, False, False),
        (500, False, False),
        (503, False, False),
    ],
)
def test_an_answer_says_whether_it_is_worth_trying_again(status: int, accepted: bool, final: bool) -> None:
    answer = Answer(status)
    assert (answer.accepted, answer.final) == (accepted, final)
    assert bool(answer.problem) is not accepted


def test_pauses_double_up_to_a_longest_and_come_to_an_end() -> None:
    retries = Retries(most=5, first_s=10, longest_s=100)
    assert [retries.pause_s(attempts) for attempts in range(1, 7)] == [10, 20, 40, 80, 100, None]
