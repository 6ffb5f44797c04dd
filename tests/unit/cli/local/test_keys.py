import stat
from pathlib import Path

import jwt
import pytest

from focal_cli.local import keys


@pytest.fixture
def ring(tmp_path: Path) -> keys.KeyRing:
    made = keys.KeyRing(tmp_path / "keys")
    made.ensure()
    return made


def test_keys_are_readable_by_their_owner_only(ring: keys.KeyRing) -> None:
    assert stat.S_IMODE(ring.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in ring.folder.iterdir()} == {0o600}


def test_keys_are_made_once(ring: keys.KeyRing) -> None:
    before = ring.tenant.private.read_bytes()
    ring.ensure()
    assert ring.tenant.private.read_bytes() == before


def test_a_tenant_token_is_verified_by_the_public_key(ring: keys.KeyRing) -> None:
    claims = jwt.decode(
        ring.tenant_token("acme", roles=["admin"]),
        ring.tenant.public.read_text(),
        algorithms=["EdDSA"],
        issuer="focal",
        audience="focal",
    )
    assert (claims["tenant_id"], claims["roles"]) == ("acme", ["admin"])


def test_an_operator_speaks_for_no_tenant(ring: keys.KeyRing) -> None:
    claims = jwt.decode(ring.operator_token(), options={"verify_signature": False})
    assert (claims["tenant_id"], claims["roles"]) == ("", ["operator"])
