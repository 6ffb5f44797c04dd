"""Mints the tokens that services show each other."""

from __future__ import annotations

import time
from collections.abc import Iterable

import cachetools
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

INTERNAL_ISSUER = "focal-internal"
ALGORITHM = "EdDSA"

_REMEMBERED = 4096


class TokenIssuer:
    """Signs internal tokens as one service; `ttl_s` is the life of a token in seconds."""

    def __init__(self, service: str, key: Ed25519PrivateKey, ttl_s: float) -> None:
        self._service = service
        self._key = key
        self._ttl_s = ttl_s
        # A token is reused for half its life: signing costs more than the rest of an RPC's checks.
        self._own: cachetools.TTLCache[tuple[str, str], str] = cachetools.TTLCache(_REMEMBERED, ttl_s / 2)

    def mint(
        self,
        audiences: Iterable[str],
        *,
        tenant_id: str = "",
        session_id: str = "",
        turn_id: str = "",
        epoch: int = 0,
        tier: str = "",
        ttl_s: float | None = None,
    ) -> str:
        """A new token for the named services; session, turn and epoch bind it to one attempt of a turn,
        `tier` tells of the tenant's, if the minter knows it.
        """
        now = time.time()
        claims = {
            "iss": INTERNAL_ISSUER,
            "sub": self._service,
            "aud": list(audiences),
            "iat": int(now),
            "exp": now + (ttl_s or self._ttl_s),
            "tenant_id": tenant_id,
            "session_id": session_id,
            "turn_id": turn_id,
            "epoch": epoch,
            "tier": tier,
        }
        return jwt.encode(claims, self._key, ALGORITHM)

    def own(self, audience: str, tenant_id: str) -> str:
        """A token of this service itself for one peer, reused while it has half its life left."""
        token = self._own.get((audience, tenant_id))
        if token is None:
            token = self.mint([audience], tenant_id=tenant_id)
            self._own[audience, tenant_id] = token
        return token
