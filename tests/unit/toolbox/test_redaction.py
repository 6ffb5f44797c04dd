import base64
import json

import pytest

from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.domain.redaction import MASK, Redaction

SECRET = 'p"ss/w&rd+12\\ü'
REDACTION = Redaction([SECRET, "tok_LIVE-1234567", "1234567890"])


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        "p%22ss%2Fw%26rd%2B12%5C%C3%BC",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_found_in_whatever_form_it_comes_back(echo: str) -> None:
    text = json.dumps({"you_sent": f"Bearer {echo}!", echo: [echo]}, ensure_ascii=False)
    found = json.loads(REDACTION.json(text))
    assert found == {"you_sent": f"Bearer {MASK}!", MASK: [MASK]}


def test_a_secret_inside_json_inside_json_is_found() -> None:
    text = json.dumps({"raw": json.dumps({"a": SECRET}, ensure_ascii=False)}, ensure_ascii=False)
    assert "ss/w" not in REDACTION.json(text)


def test_a_number_that_is_a_secret_is_masked_and_the_rest_stays_exact() -> None:
    assert REDACTION.json('{"a":1234567890,"b":9007199254740993,"c":1.10}') == (
        f'{{"a":"{MASK}","b":9007199254740993,"c":1.1}}'
    )


def test_keys_that_become_equal_stay_two() -> None:
    text = json.dumps({"tok_LIVE-1234567": 1, "1234567890": 2})
    assert sorted(json.loads(REDACTION.json(text)).values()) == [1, 2]


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert Redaction(["abcdefgh", "abcdefghijkl"]).text("x abcdefghijkl") == f"x {MASK}"


def test_a_reason_in_small_letters_is_no_hiding_place() -> None:
    answer = REDACTION.answer(Answer(Verdict.UNCHANGED, reason="tok_live-1234567", message=f"no {SECRET}"))
    assert (answer.reason, answer.message) == (MASK, f"no {MASK}")


def test_short_texts_are_not_looked_for() -> None:
    assert Redaction(["eu", "1234567"]).json('{"region":"eu","n":1234567}') == '{"region":"eu","n":1234567}'
