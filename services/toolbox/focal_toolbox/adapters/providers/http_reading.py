"""How a definition reads answers: what counts as success, what the provider's reason is, which part is kept.

Success and error are judged on plain numbers, so that `` `59.9` `` in an expression equals 59.9 in an answer;
what is kept is taken from the exact ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

import jmespath
from jmespath.exceptions import JMESPathError

from focal_kernel import canonical_json
from focal_service_kit import logging
from focal_toolbox.adapters.providers import http_words
from focal_toolbox.domain.answer import Answer, Verdict

_FAILED = object()
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})

_log = logging.get("http_answers")


class BadExpression(ValueError):
    """The expression at `key` cannot be read."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Reading:
    """Three expressions, each None when it is not declared."""

    success: Any = None
    error: Any = None
    result: Any = None

    @classmethod
    def of(cls, success: str, error: str, result: str) -> Self:
        """Raises BadExpression."""
        return cls(_compiled("success", success), _compiled("error", error), _compiled("result", result))

    def judge(self, value: Any) -> Answer:
        """What a complete answer of status 2xx says.

        `success` must be true or false; with `error` declared beside it, a refusal has to give its reason.
        `error` alone refuses when it finds something. An answer that says neither leaves the world unknown.
        """
        if self.success is None and self.error is None:
            return self._done(value)
        plain = json.loads(canonical_json.dumps(value))
        succeeded = True if self.success is None else _found(self.success, plain)
        reason = None if self.error is None else _found(self.error, plain)
        if reason is _FAILED or not isinstance(succeeded, bool):
            return _unclear()
        stated = self.error is not None and reason not in _NOTHING
        if self.success is None:
            return _refused(reason) if stated else self._done(value)
        if succeeded:
            return self._done(value)
        return _refused(reason) if stated or self.error is None else _unclear()

    def reason(self, value: Any) -> str:
        """The provider's word for a refusal by status; empty when `error` finds none."""
        if self.error is None:
            return ""
        found = _found(self.error, json.loads(canonical_json.dumps(value)))
        return http_words.declared(found)

    def _done(self, value: Any) -> Answer:
        kept = value if self.result is None else _found(self.result, value)
        try:
            return Answer(Verdict.DONE, result_json=canonical_json.dumps(None if kept is _FAILED else kept))
        except canonical_json.NotCanonical:
            return Answer(Verdict.DONE, result_json="null")


AS_IT_IS = Reading()
"""Every complete answer is a success, and kept whole."""


def _compiled(key: str, text: str) -> Any:
    try:
        return jmespath.compile(text) if text else None
    except JMESPathError:
        raise BadExpression(key) from None


def _found(expression: Any, value: Any) -> Any:
    """What an expression finds; `_FAILED` when the answer has another shape than it needs."""
    try:
        return expression.search(value)
    except (JMESPathError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        _log.warning("expression fails on the answer", expression=expression.expression[:200])
        return _FAILED


def _refused(reason: Any) -> Answer:
    return Answer(
        Verdict.UNCHANGED,
        reason=http_words.declared(reason) or "refused",
        message="the provider's answer says that it refused",
    )


def _unclear() -> Answer:
    message = "the provider's answer says neither that it succeeded nor that it refused"
    return Answer(Verdict.UNKNOWN, reason="invalid_response", message=message)
