import pytest

from focal_toolbox.domain.hosts import AllowedHosts, Pattern, Place


def _allowed(pattern: str, host: str, port: int = 443, *, stated: bool = True) -> bool:
    return AllowedHosts([pattern]).allow("acme", Place.of(host, port), stated=stated)


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("api.example.com", "api.example.com"),
        ("API.example.com", "api.EXAMPLE.com."),
        ("*.example.com", "a.b.example.com"),
        ("api.example.com:443", "api.example.com"),
        ("[::1]:443", "::1"),
        ("10.0.0.7", "10.0.0.7"),
        ("*", "anything.example.org"),
    ],
)
def test_a_pattern_covers_its_hosts(pattern: str, host: str) -> None:
    assert _allowed(pattern, host)


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("api.example.com", "api.example.com.evil.org"),
        ("api.example.com", "xapi.example.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "evilexample.com"),
        ("api.example.com:8443", "api.example.com"),
    ],
)
def test_a_pattern_covers_nothing_else(pattern: str, host: str) -> None:
    assert not _allowed(pattern, host)


def test_a_host_that_an_argument_makes_up_must_be_meant_by_name() -> None:
    assert not _allowed("*", "shop.example.com", stated=False)
    assert not _allowed("*:443", "shop.example.com", stated=False)
    assert _allowed("*.example.com", "shop.example.com", stated=False)


def test_hosts_of_a_tenant_are_nobody_elses() -> None:
    hosts = AllowedHosts([], {"acme": ["api.example.com"]})
    place = Place.of("api.example.com", 443)
    assert hosts.allow("acme", place, stated=True)
    assert not hosts.allow("other", place, stated=True)


def test_a_url_of_the_operator_names_its_host_and_port() -> None:
    place = Place.of_url("http://Shop.internal:8080/api")
    assert place is not None
    hosts = AllowedHosts(named=lambda _tenant: [place])
    assert hosts.allow("acme", Place.of("shop.internal", 8080), stated=False)
    assert not hosts.allow("acme", Place.of("shop.internal", 6379), stated=True)


@pytest.mark.parametrize(
    "text", ["s3cret", "eyJhbGciOi.eyJzdWI", "ftp://x", "http://", "http://[::1", "http://h:99999"]
)
def test_what_is_no_url_names_no_host(text: str) -> None:
    assert Place.of_url(text) is None


@pytest.mark.parametrize(
    "text", ["", "*.", "a*.example.com", "*.*", "http://x", "x/y", "user@x", "x:y", "[x]", "häuser.de"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"host|DNS"):
        Pattern.read(text)
