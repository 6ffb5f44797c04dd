"""What the shop refuses; each becomes `{"error": {"code": …, "message": …}}` with its status.

ShopError
├── BadRequest 400 · OrderNotFound 404 · PickupNotFound 404
├── NotDelivered 409 · AlreadyRefunded 409 · KeyReused 409
├── AmountTooHigh 422
└── InjectedFault (status and code as ordered through POST /admin/faults)
"""


class ShopError(Exception):
    """A refusal that the caller sees."""

    status = 500
    code = "INTERNAL"


class BadRequest(ShopError):
    """The request cannot be read, or a value is out of range."""

    status, code = 400, "BAD_REQUEST"


class OrderNotFound(ShopError):
    """No order has this number."""

    status, code = 404, "ORDER_NOT_FOUND"


class PickupNotFound(ShopError):
    """No courier was ever booked under this number."""

    status, code = 404, "PICKUP_NOT_FOUND"


class NotDelivered(ShopError):
    """The order has not reached the customer, so nothing can come back."""

    status, code = 409, "NOT_DELIVERED"


class AlreadyRefunded(ShopError):
    """Nothing is left to refund."""

    status, code = 409, "ALREADY_REFUNDED"


class KeyReused(ShopError):
    """The idempotency key was used for another refund."""

    status, code = 409, "IDEMPOTENCY_KEY_REUSED"


class AmountTooHigh(ShopError):
    """The amount exceeds what the order cost."""

    status, code = 422, "AMOUNT_TOO_HIGH"


class InjectedFault(ShopError):
    """A failure that a test ordered."""

    code = "INJECTED_FAULT"

    def __init__(self, status: int) -> None:
        super().__init__(f"this failure with status {status} was ordered through /admin/faults")
        self.status = status
