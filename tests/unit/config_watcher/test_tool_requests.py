"""Secrets, expressions and redirects in the HTTP requests of tools."""

from typing import Any

import pytest

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.core.authoring.checks import expressions
from focal_config_watcher.domain.authoring.http_request import HttpRequest
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits
from focal_kernel import canonical_json
from focal_toolbox.adapters.providers import http_config
from tests.fakes.config_watcher import sources

TOOL = """
act:
  description: Acts.
  policy: {policy}
  business_key: [id]
  parameters: {{type: object, properties: {{id: {{type: string}}}}, required: [id]}}
  http: {{method: {method}, url: "{url}", {http}}}
"""


def _problems(
    http: str, policy: str = "irreversible", method: str = "POST", url: str = "${SHOP}/{id}"
) -> list[Problem]:
    text = TOOL.format(policy=policy, method=method, url=url, http=http)
    return list(reading.read(sources(tools=text), Limits()).problems)


def _reasons(http: str, **more: str) -> dict[str, bool]:
    """Reasons of the problems, and whether each refuses."""
    return {problem.reason: problem.refuses for problem in _problems(http, **more)}


@pytest.mark.parametrize(
    "http",
    [
        "auth: {bearer: '${TOKEN}'}",
        "auth: {basic: {username: shop, password: '${PASSWORD}'}}",
        "auth: {header: {name: X-Api-Key, value: '${KEY}'}}",
        "auth: {query: {name: key, value: '${KEY}'}}",
        "headers: {X-Api-Key: '${KEY}', Authorization: 'Bearer ${TOKEN}', X-Token: '{id}'}",
        "query: {page_token: ''}, body: {secret: '{id}', note: not a token}",
        "success: status == 'ok', error: error.code, result: 'order.{id: id}'",
    ],
)
def test_a_request_that_names_its_secrets_is_sound(http: str) -> None:
    assert _reasons(http) == {}


@pytest.mark.parametrize(
    ("http", "reason"),
    [
        ("auth: {bearer: s3cret}", "LITERAL_SECRET"),
        ("auth: {bearer: '${TOKEN}{id}'}", "LITERAL_SECRET"),
        ("auth: {basic: {username: a, password: b}}", "LITERAL_SECRET"),
        ("auth: {}", "BAD_VALUE"),
        ("auth: {bearer: '${A}', query: {name: k, value: '${B}'}}", "BAD_VALUE"),
        ("auth: {header: {name: Host, value: '${A}'}}", "BAD_HEADER"),
        ("auth: {bearer: '${A}'}, headers: {authorization: x}", "BAD_HEADER"),
        ("headers: {Host: x}", "BAD_HEADER"),
        ("headers: {'X Y': x}", "BAD_HEADER"),
        ("headers: {X-A: x, x-a: y}", "BAD_HEADER"),
        ("redirects: 1", "BAD_VALUE"),
        ("redirects: 6", "OUT_OF_RANGE"),
        ("success: 'a ==='", "BAD_EXPRESSION"),
        ("error: 'nope(a)'", "BAD_EXPRESSION"),
        ("result: 'length(a, b)'", "BAD_EXPRESSION"),
        ("result: 'a[?join(b)]'", "BAD_EXPRESSION"),
    ],
)
def test_what_could_not_work_is_refused_at_publish(http: str, reason: str) -> None:
    assert _reasons(http)[reason]


@pytest.mark.parametrize(
    "http",
    [
        "headers: {Authorization: Bearer abcdefgh12345678}",
        "headers: {X-Api-Key: '12345'}",
        "headers: {Cookie: session=1}",
        "query: {api_key: abc}",
        "query: {access_token: abc}",
        "body: {a: [{b: sk-live-0123456789abcdef}]}",
        "body: {a: ghp_0123456789abcdefghijklmnop}",
        "body: {jwt: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.abc}",
    ],
)
def test_a_literal_that_looks_like_a_credential_is_warned_of(http: str) -> None:
    assert _reasons(http) == {"CREDENTIAL_IN_SOURCES": False}


def test_a_password_in_a_url_is_warned_of_and_a_named_one_is_not() -> None:
    assert _reasons("body: {}", url="https://me:pw@shop/{id}") == {"CREDENTIAL_IN_SOURCES": False}
    assert _reasons("body: {}", url="https://me:${PW}@shop/{id}") == {}


def test_no_warning_repeats_the_credential() -> None:
    (problem,) = _problems("headers: {X-Api-Key: abcdefgh}")
    assert "abcdefgh" not in problem.message


def test_a_tool_that_acts_is_told_to_name_where_refusals_give_their_reason() -> None:
    assert _reasons("success: ok") == {"NO_ERROR_EXPRESSION": False}
    assert "NO_ERROR_EXPRESSION" not in _reasons("success: ok", policy="pure", method="GET")


def test_a_reading_tool_may_follow_redirects() -> None:
    assert _reasons("redirects: 3", policy="pure", method="GET") == {}
    assert _reasons("redirects: 3", policy="pure")["BAD_VALUE"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"auth": {"bearer": "${TOKEN}"}},
        {"auth": {"basic": {"password": "${PASSWORD}"}}},
        {"auth": {"header": {"name": "X-Key", "value": "${KEY}"}}, "redirects": 2},
        {"success": "ok", "error": "code", "result": "data"},
    ],
)
def test_what_is_published_is_what_the_toolbox_reads(more: dict[str, Any]) -> None:
    request = HttpRequest.model_validate({"url": "${SHOP}/x", **more})
    config = http_config.parse(canonical_json.dumps(request.config())).config
    assert config.redirects == request.redirects
    assert (config.auth is None) == (request.auth is None)


def test_a_request_without_the_later_keys_is_the_bundle_it_was() -> None:
    config = HttpRequest.model_validate({"url": "x"}).config()
    assert config == {"method": "GET", "url": "x", "query": {}, "headers": {}}


@pytest.mark.parametrize(
    "text", ["a", "length(a)", "a == `1`", "sort_by(a, &b)[0]", "not_null(a, b, c)", "@"]
)
def test_expressions_that_work_are_let_through(text: str) -> None:
    assert expressions.problem(text) == ""
