"""Who calls, and in whose name we call others.

Tenant tokens (issuer `focal`) come from outside and are verified with the tenant public key.
Internal tokens (issuer `focal-internal`) are minted and verified by services with the internal key.
Both are EdDSA-signed JWTs. What a caller may do with a given record stays with the services.
"""

from focal_service_kit.identity.caller import (
    Caller,
    Kind,
    current,
    require_role,
    tenant,
)
from focal_service_kit.identity.issuer import TokenIssuer
from focal_service_kit.identity.keys import Keys, load_keys
from focal_service_kit.identity.verifier import TENANT_HEADER, Verifier

__all__ = [
    "TENANT_HEADER",
    "Caller",
    "Keys",
    "Kind",
    "TokenIssuer",
    "Verifier",
    "current",
    "load_keys",
    "require_role",
    "tenant",
]
