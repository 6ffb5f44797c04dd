"""What a test may order the shop to do wrong, at runtime."""

import asyncio
from dataclasses import dataclass, fields, replace

from order_service.errors import BadRequest, InjectedFault

LONGEST_DELAY_MS = 600_000


@dataclass(frozen=True)
class Faults:
    """Fields as POST /admin/faults takes them; everything is off by default.

    `fail_next` requests (administration and health excepted) are answered with `status` and do
    nothing; `fail_next_after` refunds are paid and then answered with `status`.
    """

    refund_delay_before_ms: int = 0
    refund_delay_after_ms: int = 0
    pickup_delay_after_ms: int = 0
    cancel_delay_after_ms: int = 0
    fail_next: int = 0
    fail_next_after: int = 0
    status: int = 500

    def updated(self, changes: object) -> "Faults":
        """These faults with some fields replaced. Raises BadRequest on unknown fields or bad
        values.
        """
        known = {field.name for field in fields(self)}
        if not isinstance(changes, dict) or not changes.keys() <= known:
            raise BadRequest(f"expected an object with some of {', '.join(sorted(known))}")
        for name, value in changes.items():
            low, high = (400, 599) if name == "status" else (0, LONGEST_DELAY_MS)
            if type(value) is not int or not low <= value <= high:
                raise BadRequest(f"{name} must be a whole number from {low} to {high}")
        return replace(self, **changes)


class FaultPlan:
    """The faults in force; `fail_next` and `fail_next_after` count down."""

    def __init__(self) -> None:
        self.current = Faults()

    def before(self) -> None:
        """Raises InjectedFault while `fail_next` lasts."""
        if self.current.fail_next > 0:
            self.current = replace(self.current, fail_next=self.current.fail_next - 1)
            raise InjectedFault(self.current.status)

    def after_refund(self) -> None:
        """Raises InjectedFault while `fail_next_after` lasts."""
        if self.current.fail_next_after > 0:
            self.current = replace(self.current, fail_next_after=self.current.fail_next_after - 1)
            raise InjectedFault(self.current.status)


async def pause(milliseconds: int) -> None:
    """Waits, if there is anything to wait for."""
    if milliseconds > 0:
        await asyncio.sleep(milliseconds / 1000)
