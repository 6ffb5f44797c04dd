"""Writes a pair of throwaway key files into a folder, for runs that only need some keys to exist."""

from __future__ import annotations

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    tenant, internal = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    public = tenant.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "tenant.pub.pem").write_bytes(public)
    private = internal.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "internal.pem").write_bytes(private)
