"""The two Ed25519 keys of a deployment, read from PEM files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from focal_service_kit import settings
from focal_service_kit.config_sources import ConfigError

_PEM_BLOCK = re.compile(rb"-----BEGIN [^-]+-----.+?-----END [^-]+-----\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a service needs to verify callers (several tenant keys while one is rotated) and to sign."""

    tenant: tuple[Ed25519PublicKey, ...]
    internal: Ed25519PrivateKey


def load_keys(auth: settings.AuthSettings) -> Keys:
    """Read the files that `auth` names; ConfigError when one is missing, unreadable or no Ed25519."""
    tenant_pem = _read(auth.tenant_public_key_file, "auth.tenant_public_key_file")
    internal_pem = _read(auth.internal_key_file, "auth.internal_key_file")
    return Keys(
        tenant=tuple(_public(block) for block in _PEM_BLOCK.findall(tenant_pem)) or _none(),
        internal=_private(internal_pem),
    )


def _read(path: Path | None, key: str) -> bytes:
    if path is None:
        raise ConfigError([f"{key}: required"])
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{key}: {path}: {error.strerror}"]) from None


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise ConfigError([f"auth.tenant_public_key_file: {error}"]) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(["auth.tenant_public_key_file: not an Ed25519 public key"])
    return key


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError(["auth.internal_key_file: not a readable PEM private key"]) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(["auth.internal_key_file: not an Ed25519 private key"])
    return key


def _none() -> tuple[Ed25519PublicKey, ...]:
    raise ConfigError(["auth.tenant_public_key_file: holds no PEM block"])
