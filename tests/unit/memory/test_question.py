"""What recall may be asked."""

from __future__ import annotations

import pytest

from focal_kernel import errors
from focal_memory.domain import question
from focal_memory.domain.question import Question, Scope

MINE = Scope("acme", customer_id="c1")


@pytest.mark.parametrize(
    "scope", [MINE, Scope("acme", session_id="s1"), Scope("acme", customer_id="c1", session_id="s1")]
)
def test_a_customer_a_session_or_both_may_be_searched(scope: Scope) -> None:
    question.check(Question(scope, "hello"), max_chars=10)


@pytest.mark.parametrize(
    ("asked", "reason", "field"),
    [
        (Question(Scope("acme"), "hello"), "INVALID_FIELD", "customer_id"),
        (Question(Scope("acme", customer_id="a:b"), "hello"), "INVALID_ID", "customer_id"),
        (Question(Scope("acme", session_id="a b"), "hello"), "INVALID_ID", "session_id"),
        (Question(MINE, " \n"), "EMPTY_TEXT", "query"),
        (Question(MINE, "x" * 11), "TEXT_TOO_LONG", "query"),
        (Question(MINE, "hello", limit=51), "INVALID_FIELD", "limit"),
        (Question(MINE, "hello", limit=-1), "INVALID_FIELD", "limit"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(asked: Question, reason: str, field: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        question.check(asked, max_chars=10)
    assert (caught.value.reason, caught.value.violations[0].field) == (reason, field)
