from decimal import Decimal
from typing import Any

import pytest

from focal_kernel import canonical_json
from focal_toolbox.adapters.providers.http_reading import BadExpression, Reading
from focal_toolbox.domain.answer import Answer, Verdict


def _judged(text: str, success: str = "", error: str = "", result: str = "") -> Answer:
    return Reading.of(success, error, result).judge(canonical_json.loads(text))


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ('{"ok":true}', Verdict.DONE, ""),
        ('{"ok":false}', Verdict.UNCHANGED, "refused"),
        ("{}", Verdict.UNKNOWN, "invalid_response"),
        ('{"ok":null}', Verdict.UNKNOWN, "invalid_response"),
        ('{"ok":"false"}', Verdict.UNKNOWN, "invalid_response"),
        ("[]", Verdict.UNKNOWN, "invalid_response"),
        ("null", Verdict.UNKNOWN, "invalid_response"),
    ],
)
def test_success_is_true_or_false_and_anything_else_tells_nothing(
    text: str, verdict: Verdict, reason: str
) -> None:
    """Break: let everything that is not true count as refused."""
    answer = _judged(text, success="ok")
    assert (answer.verdict, answer.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ('{"status":"ok"}', Verdict.DONE, ""),
        ('{"status":"failed","error":{"code":"CARD_DECLINED"}}', Verdict.UNCHANGED, "card_declined"),
        ('{"status":"failed","error":{"code":51}}', Verdict.UNCHANGED, "code_51"),
        ('{"status":"failed","error":{"code":"card 4111 declined"}}', Verdict.UNCHANGED, "refused"),
        ('{"state":"renamed"}', Verdict.UNKNOWN, "invalid_response"),
    ],
)
def test_a_refusal_has_to_give_its_reason_where_one_is_declared(
    text: str, verdict: Verdict, reason: str
) -> None:
    answer = _judged(text, success="status == 'ok'", error="error.code")
    assert (answer.verdict, answer.reason) == (verdict, reason)
    assert "4111" not in answer.message


@pytest.mark.parametrize("text", ['{"error":null}', '{"error":""}', '{"error":false}', "{}", '{"error":{}}'])
def test_an_error_alone_that_finds_nothing_is_a_success(text: str) -> None:
    assert _judged(text, error="error").verdict is Verdict.DONE


def test_an_error_alone_that_finds_something_refuses() -> None:
    answer = _judged('{"error":"no_stock"}', error="error")
    assert (answer.verdict, answer.reason) == (Verdict.UNCHANGED, "no_stock")


def test_an_expression_that_fails_on_the_answer_leaves_the_world_unknown() -> None:
    assert _judged('{"status":null}', success="contains(status, 'ok')").verdict is Verdict.UNKNOWN
    assert _judged('{"ok":false}', success="ok", error="length(code)").verdict is Verdict.UNKNOWN


def test_fractions_in_an_expression_equal_those_of_the_answer() -> None:
    assert _judged('{"paid":59.90}', success="paid == `59.9`").verdict is Verdict.DONE


def test_a_part_is_kept_exactly() -> None:
    text = '{"order":{"id":9007199254740993,"amount":59.90},"noise":1}'
    assert _judged(text, result="order").result_json == '{"amount":59.9,"id":9007199254740993}'


@pytest.mark.parametrize(("expression", "text"), [("missing", "{}"), ("sum(a)", '{"a":"x"}')])
def test_a_part_that_is_not_there_is_null_and_the_call_a_success(expression: str, text: str) -> None:
    answer = _judged(text, result=expression)
    assert (answer.verdict, answer.result_json) == (Verdict.DONE, "null")


@pytest.mark.parametrize("key", ["success", "error", "result"])
def test_an_expression_that_cannot_be_read_is_named_by_its_key(key: str) -> None:
    with pytest.raises(BadExpression, match=key):
        Reading.of(**{**dict.fromkeys(("success", "error", "result"), ""), key: "a ==="})


@pytest.mark.parametrize(("body", "reason"), [({"fault": {"no": 7}}, "code_7"), ({"code": "x"}, "")])
def test_a_refusal_by_status_is_read_where_the_definition_says(body: Any, reason: str) -> None:
    assert Reading.of("", "fault.no", "").reason(body) == reason


def test_exact_numbers_reach_no_expression_as_text() -> None:
    answer = Reading.of("amount > `1`", "", "").judge({"amount": Decimal("1.5")})
    assert answer.verdict is Verdict.DONE
