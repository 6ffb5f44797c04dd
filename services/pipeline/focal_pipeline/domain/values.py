"""Values of variables: read from text, checked against the variable, found inside tool results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from focal_kernel import canonical_json
from focal_pipeline.domain.bundle import Variable

_DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y/%m/%d", "%d %B %Y", "%B %d, %Y")
_GROUPED = re.compile(r"(?<=\d)[ ,'](?=\d{3}\b)")
_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})


def accept(variable: Variable, raw: object) -> Any | None:
    """`raw` as a value of the variable's type, or None when it is none of its values.

    Dates become ISO 8601 texts, numbers int or Decimal.
    """
    value = _READERS.get(variable.type, _as_text)(raw)
    if value is None:
        return None
    if variable.allowed_values and canonical_json.dumps(value) not in variable.allowed_values:
        return _allowed_by_case(variable, value)
    return value


def at_path(result: object, path: str) -> Any | None:
    """The value at a dotted path such as `items.0.name`, or None when there is none."""
    value: Any = result
    for part in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _allowed_by_case(variable: Variable, value: Any) -> Any | None:
    if not isinstance(value, str):
        return None
    allowed = (canonical_json.loads(text) for text in sorted(variable.allowed_values))
    return next((a for a in allowed if isinstance(a, str) and a.lower() == value.lower()), None)


def _as_text(raw: object) -> str | None:
    text = raw.strip() if isinstance(raw, str) else None
    if isinstance(raw, int | Decimal) and not isinstance(raw, bool):
        text = canonical_json.dumps(raw)
    return text or None


def _as_number(raw: object) -> int | Decimal | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | Decimal):
        return raw
    try:
        number = Decimal(_GROUPED.sub("", str(raw).strip()))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return int(number) if number == number.to_integral_value() else number


def _as_boolean(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _as_date(raw: object) -> str | None:
    text = str(raw).strip()
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


_READERS = {
    "string": _as_text,
    "number": _as_number,
    "boolean": _as_boolean,
    "date": _as_date,
}
