"""Who may vouch for a customer's address: a browser that talks to us itself must not."""

from __future__ import annotations

from focal.turn.v1 import turn_gateway_service_pb2 as pb
from focal_service_kit import identity

_VOUCHERS = ("admin", "adapter")


def verified(address: pb.Address) -> bool:
    """Whether the caller says so. Raises PermissionDenied for callers whose word does not count."""
    if address.address_verified and identity.current().kind is not identity.Kind.SERVICE:
        identity.require_role(*_VOUCHERS)
    return address.address_verified
