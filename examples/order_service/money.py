"""Amounts: whole cents inside, text with two decimals outside ("59.90"), never a float."""

from decimal import Decimal, InvalidOperation

from order_service.errors import BadRequest


def cents(amount: object) -> int:
    """Cents of a positive JSON number or decimal text with at most two decimals.

    Raises BadRequest for anything else.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | str | Decimal):
        raise BadRequest("amount must be a number such as 59.90")
    try:
        value = Decimal(amount) * 100
        exact = int(value)
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise BadRequest("amount must be a number such as 59.90") from error
    if value != exact or not 0 < exact < 10**9:
        raise BadRequest("amount must be positive, below ten million and have at most two decimals")
    return exact


def text(amount_cents: int) -> str:
    """12345 → "123.45"."""
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"
