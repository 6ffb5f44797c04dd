"""What channel adapters report about the parts of replies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from focal_kernel import ids
from focal_turn_gateway import errors
from focal_turn_gateway.domain.channels import Registry

REASON_CHARS_MAX = 500


class ReceiptState(StrEnum):
    """What is known of a part, in the order in which a later report may replace an earlier one."""

    SENT = "SENT"
    FAILED = "FAILED"
    DELIVERED = "DELIVERED"
    READ = "READ"


@dataclass(frozen=True, slots=True)
class Report:
    """A report about the part with `dedupe_key`, or the one with that provider's id on `channel`."""

    dedupe_key: str
    channel: str
    provider_message_id: str
    state: ReceiptState
    reason: str = ""

    def checked(self, registry: Registry) -> Report:
        """The report with its channel resolved. Raises InvalidField, UnknownChannel, InvalidArgument
        (INVALID_ID).
        """
        if self.dedupe_key:
            ids.check_foreign_id(self.dedupe_key, "dedupe_key")
        elif not self.provider_message_id or not self.channel:
            raise errors.InvalidField("dedupe_key", "is missing, and so are channel and provider_message_id")
        if self.provider_message_id:
            ids.check_foreign_id(self.provider_message_id, "provider_message_id")
        if self.reason and self.state is not ReceiptState.FAILED:
            raise errors.InvalidField("reason", "only says why a part FAILED")
        if len(self.reason) > REASON_CHARS_MAX or "\x00" in self.reason:
            raise errors.InvalidField("reason", f"at most {REASON_CHARS_MAX} characters without NUL")
        channel = self.channel and registry.resolve(self.channel)
        return Report(self.dedupe_key, channel, self.provider_message_id, self.state, self.reason)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of a part."""

    dedupe_key: str
    session_id: str
    turn_id: str
    segment: int
    part: int
    channel: str
    state: ReceiptState
    provider_message_id: str
    reason: str
    updated_at: datetime

    @property
    def place(self) -> str:
        """Segment, part and channel, as pages count them."""
        return f"{self.segment}.{self.part}.{self.channel}"
