"""Verifies the token of an incoming call and settles which tenant it speaks for."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import cachetools
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from focal_kernel import errors, ids
from focal_service_kit import settings
from focal_service_kit.identity import caller as callers
from focal_service_kit.identity.caller import Caller, Incoming, Kind
from focal_service_kit.identity.issuer import ALGORITHM, INTERNAL_ISSUER
from focal_service_kit.identity.keys import Keys

TENANT_ISSUER = "focal"
TENANT_AUDIENCE = "focal"
TENANT_HEADER = "x-focal-tenant"

_BEARER = "bearer "


class Verifier:
    """Checks tokens for one service and remembers the good ones until they expire."""

    def __init__(self, service: str, keys: Keys, auth: settings.AuthSettings) -> None:
        self._service = service
        self._tenant_keys = keys.tenant
        self._internal_keys = (keys.internal.public_key(),)
        self._trusted = frozenset(auth.trusted_services)
        self._leeway_s = auth.leeway_s
        self._known: cachetools.TLRUCache[str, tuple[Incoming, float]] = cachetools.TLRUCache(
            auth.cached_tokens, ttu=lambda _, known, __: known[1], timer=time.time
        )

    def verify(self, metadata: Mapping[str, str | bytes]) -> Incoming:
        """The caller behind `metadata`; Unauthenticated or PermissionDenied when there is none."""
        token = _bearer(metadata)
        known = self._known.get(token)
        if known is None:
            known = self._decode(token)
            self._known[token] = known
        return _for_tenant(known[0], metadata.get(TENANT_HEADER))

    def _decode(self, token: str) -> tuple[Incoming, float]:
        claims = self._claims(token)
        internal = claims["iss"] == INTERNAL_ISSUER
        caller = _internal_caller(claims) if internal else _tenant_caller(claims, self._trusted)
        audience = claims["aud"]
        audiences = frozenset([audience] if isinstance(audience, str) else audience)
        return Incoming(caller, token, audiences), float(claims["exp"])

    def _claims(self, token: str) -> dict[str, Any]:
        """Verify with the keys of the issuer that the token names."""
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            if issuer == INTERNAL_ISSUER:
                return self._first_that_verifies(token, self._internal_keys, INTERNAL_ISSUER, self._service)
            return self._first_that_verifies(token, self._tenant_keys, TENANT_ISSUER, TENANT_AUDIENCE)
        except jwt.ExpiredSignatureError:
            raise errors.Unauthenticated("TOKEN_EXPIRED", "the token has expired") from None
        except jwt.InvalidTokenError:
            raise _invalid() from None

    def _first_that_verifies(
        self, token: str, keys: Collection[Ed25519PublicKey], issuer: str, audience: str
    ) -> dict[str, Any]:
        for key in keys:
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    issuer=issuer,
                    audience=audience,
                    leeway=self._leeway_s,
                    options={"require": ["exp", "iss", "aud", "sub"]},
                )
            except jwt.InvalidSignatureError:
                continue
        raise jwt.InvalidSignatureError


def _bearer(metadata: Mapping[str, str | bytes]) -> str:
    header = metadata.get("authorization")
    if not isinstance(header, str) or not header:
        raise errors.Unauthenticated("AUTHENTICATION_REQUIRED", "the call carries no credentials")
    if header[: len(_BEARER)].lower() != _BEARER:
        raise _invalid()
    return header[len(_BEARER) :].strip()


def _internal_caller(claims: dict[str, Any]) -> Caller:
    return Caller(
        kind=Kind.INTERNAL,
        subject=claims["sub"],
        tenant_id=_text(claims, "tenant_id"),
        roles=frozenset([callers.INTERNAL_ROLE]),
        tier=_text(claims, "tier"),
        session_id=_text(claims, "session_id"),
        turn_id=_text(claims, "turn_id"),
        epoch=int(claims.get("epoch", 0)),
    )


def _tenant_caller(claims: dict[str, Any], trusted: Collection[str]) -> Caller:
    """A tenant token without a tenant is good only for operators and trusted services.

    The role `operator` means nothing on a token that belongs to a tenant, `internal` on neither.
    """
    caller = Caller(
        kind=Kind.TENANT,
        subject=claims["sub"],
        tenant_id=_text(claims, "tenant_id"),
        roles=_roles(claims) - {callers.INTERNAL_ROLE},
        tier=_text(claims, "tier"),
    )
    if caller.tenant_id:
        return replace(caller, roles=caller.roles - {callers.OPERATOR_ROLE})
    if callers.OPERATOR_ROLE in caller.roles:
        return replace(caller, kind=Kind.OPERATOR)
    if caller.subject in trusted:
        return replace(caller, kind=Kind.SERVICE)
    raise _invalid()


def _for_tenant(incoming: Incoming, asserted: str | bytes | None) -> Incoming:
    """Apply `x-focal-tenant`: callers with a tenant may only repeat it, others choose by it."""
    if asserted is None:
        return incoming
    tenant_id = ids.check_id(str(asserted), TENANT_HEADER)
    caller = incoming.caller
    if caller.tenant_id == tenant_id:
        return incoming
    if caller.tenant_id:
        raise callers.mismatch()
    return replace(incoming, caller=replace(caller, tenant_id=tenant_id))


def _roles(claims: dict[str, Any]) -> frozenset[str]:
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise _invalid()
    return frozenset(roles)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise _invalid()
    return value


def _invalid() -> errors.Unauthenticated:
    return errors.Unauthenticated("INVALID_TOKEN", "the token is not valid for this service")
