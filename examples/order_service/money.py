"""Amounts: whole cents inside, text with two decimals outside ("59.90"), never a float."""

from decimal import Decimal, InvalidOperation

from order_service.errors import BadRequest

LIMIT = 1_000_000


def cents(amount: object) -> int:
    """Cents of a positive JSON number or decimal text with at most two decimals.

    Raises BadRequest for anything else.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | str | Decimal):
        raise BadRequest("amount must be a number such as 59.90")
    try:
        value = Decimal(amount)
    except InvalidOperation as error:
        raise BadRequest("amount must be a number such as 59.90") from error
    if not value.is_finite() or not 0 < value < LIMIT or value * 100 != int(value * 100):
        raise BadRequest(f"amount must be positive, below {LIMIT} and have at most two decimals")
    return int(value * 100)


def text(amount_cents: int) -> str:
    """12345 → "123.45"."""
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"
