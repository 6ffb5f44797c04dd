"""Dead letters to protobuf."""

from __future__ import annotations

from focal.turn.v1 import dead_letter_service_pb2 as pb
from focal_turn_gateway.domain.routed import DeadLetter


def dead_letter_to_proto(letter: DeadLetter) -> pb.DeadLetter:
    """A dead letter."""
    encoded = pb.DeadLetter(
        dead_letter_id=letter.dead_letter_id,
        channel=letter.channel,
        reason=letter.reason,
        detail=letter.detail,
        entry_id=letter.origin,
        envelope=letter.envelope,
    )
    encoded.buried_at.FromDatetime(letter.buried_at)
    return encoded
