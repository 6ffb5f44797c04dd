from typing import Any

import pytest

from focal_kernel import canonical_json
from focal_toolbox import errors
from focal_toolbox.adapters.providers import http_config

URL = "${SHOP}/x"


def _parsed(**more: Any) -> http_config.Config:
    return http_config.parse(canonical_json.dumps({"url": URL, **more})).config


@pytest.mark.parametrize(
    "auth",
    [
        {"bearer": "${TOKEN}"},
        {"basic": {"username": "shop", "password": "${PASSWORD}"}},
        {"header": {"name": "X-Api-Key", "value": "${KEY}"}},
        {"query": {"name": "key", "value": "${KEY}"}},
    ],
)
def test_a_call_authenticates_in_one_of_four_ways(auth: dict[str, Any]) -> None:
    found = _parsed(auth=auth).auth
    assert found is not None
    assert found.secret.startswith("${")


@pytest.mark.parametrize(
    "more",
    [
        {"auth": {}},
        {"auth": {"bearer": "${A}", "header": {"name": "X", "value": "${B}"}}},
        {"auth": {"bearer": "sk-literal"}},
        {"auth": {"bearer": "${TOKEN}{argument}"}},
        {"auth": {"bearer": "${TOKEN}"}, "headers": {"authorization": "x"}},
        {"auth": {"header": {"name": "Host", "value": "${KEY}"}}},
        {"headers": {"Host": "evil"}},
        {"headers": {"Content-Length": "1"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"Accept-Encoding": "gzip"}},
        {"headers": {"Idempotency-Key": "1"}},
        {"headers": {"X Y": "1"}},
        {"headers": {"X:\r\nY": "1"}},
        {"headers": {"": "1"}},
        {"headers": {"x-a": "1", "X-A": "2"}},
        {"method": "POST", "redirects": 1},
        {"method": "GET", "redirects": 6},
        {"success": "a ==="},
        {"retry": 3},
    ],
)
def test_what_could_not_be_sent_is_refused_before(more: dict[str, Any]) -> None:
    with pytest.raises(errors.Refusal) as caught:
        _parsed(**more)
    assert caught.value.reason == "PROVIDER_NOT_CONFIGURED"
    assert "literal" not in caught.value.message


@pytest.mark.parametrize(
    "text", ["ftp://x/", "//x/", "http://", "x", "http://[::1", "http://x:99999/", "http://\x00/"]
)
def test_only_whole_urls_are_called(text: str) -> None:
    with pytest.raises(errors.Refusal):
        http_config.checked(text)
