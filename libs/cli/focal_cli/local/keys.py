"""Signing keys of a local mesh, and the tokens that they sign.

Two Ed25519 pairs: *tenant* signs the tokens of callers (the services hold its public part only),
*internal* signs what the services say to one another. Made once per folder, readable by the owner.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = AUDIENCE = "focal"
OPERATOR_ROLE = "operator"


@dataclass(frozen=True)
class Pair:
    """The two files of a key pair, in PEM."""

    private: Path
    public: Path


@dataclass(frozen=True)
class KeyRing:
    """The keys in a folder."""

    folder: Path

    @property
    def tenant(self) -> Pair:
        """Signs the tokens of callers."""
        return self._pair("tenant")

    @property
    def internal(self) -> Pair:
        """Signs what services say to one another."""
        return self._pair("internal")

    def ensure(self) -> None:
        """Make the pairs that are missing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for pair in (self.tenant, self.internal):
            if not pair.public.exists():
                _generate(pair)

    def tenant_token(
        self,
        tenant_id: str,
        *,
        subject: str = "focal-cli",
        roles: Sequence[str] = (),
        tier: str = "standard",
        ttl_s: int = 3600,
    ) -> str:
        """A token with which a caller speaks for a tenant."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant_id": tenant_id,
            "roles": list(roles),
            "tier": tier,
            "exp": int(time.time()) + ttl_s,
        }
        return jwt.encode(claims, self.tenant.private.read_text(), algorithm="EdDSA")

    def operator_token(self, *, ttl_s: int = 3600) -> str:
        """A token for the tenant registry, which speaks for no tenant."""
        return self.tenant_token("", roles=[OPERATOR_ROLE], ttl_s=ttl_s)

    def _pair(self, name: str) -> Pair:
        return Pair(self.folder / f"{name}.private.pem", self.folder / f"{name}.public.pem")


def _generate(pair: Pair) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pair.private.touch(mode=0o600)
    pair.private.write_bytes(private)
    pair.public.touch(mode=0o600)
    pair.public.write_bytes(public)  # last: its presence says that the pair is whole
