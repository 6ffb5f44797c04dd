import asyncio
from pathlib import Path

import pytest

from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.hosts import Place
from tests.fakes.until import until


def test_a_tenants_secret_wins_over_everybodys_and_that_over_a_variable(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "TOKEN").write_text("of-acme-1\n")
    (tmp_path / "token").write_text("of-all-123")
    secrets = Secrets({"TOKEN": "variable", "REGION": "eu"}, tmp_path)
    assert secrets.values("acme") == {"TOKEN": "of-acme-1", "REGION": "eu"}
    assert secrets.values("other")["TOKEN"] == "of-all-123"


def test_a_tenant_cannot_name_its_way_to_another_ones_secret(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "TOKEN").write_text("of-acme-1")
    assert "TOKEN" not in Secrets({}, tmp_path).values("other")


def test_kubernetes_own_entries_are_no_secrets(tmp_path: Path) -> None:
    version = tmp_path / "..2026_01_01"
    version.mkdir()
    (version / "TOKEN").write_text("mounted-1")
    (tmp_path / "..data").symlink_to(version)
    (tmp_path / "TOKEN").symlink_to(tmp_path / "..data" / "TOKEN")
    secrets = Secrets({}, tmp_path)
    assert secrets.values("") == {"TOKEN": "mounted-1"}


async def test_a_renewed_secret_is_taken_over_and_the_former_one_stays_hidden(tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_text("former-secret")
    secrets = Secrets({}, tmp_path)
    watching = asyncio.create_task(secrets.watch(0.01), name="secrets")
    (tmp_path / "TOKEN").write_text("renewed-secret")
    await until(lambda: secrets.values("acme")["TOKEN"] == "renewed-secret", "taken over")
    assert secrets.text("renewed-secret former-secret") == "[secret] [secret]"
    watching.cancel()


def test_variables_are_secrets_unless_they_are_urls_or_said_to_be_plain() -> None:
    variables = {
        "TOKEN": "s3cret-token",
        "SHOP": "https://shop.example.com/api",
        "OLD_SHOP": "https://me:passw0rd@old.example.com",
        "REGION": "eu-central-1",
    }
    secrets = Secrets(variables, plain=["region"])
    text = "s3cret-token https://shop.example.com/api passw0rd eu-central-1"
    assert secrets.text(text) == "[secret] https://shop.example.com/api [secret] eu-central-1"


def test_urls_among_the_values_name_their_hosts(tmp_path: Path) -> None:
    (tmp_path / "HOOK").write_text("https://hooks.example.com/T0/B0/xyz")
    secrets = Secrets({"SHOP": "http://shop:8080/x"}, tmp_path)
    assert secrets.places("acme") == {Place("shop", 8080), Place("hooks.example.com", 443)}
    assert "xyz" not in secrets.text("https://hooks.example.com/T0/B0/xyz")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 100_000])
def test_a_file_that_holds_no_text_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "BROKEN").write_bytes(content)
    (tmp_path / "TOKEN").write_text("a-token-of-ours")
    assert Secrets({}, tmp_path).values("") == {"TOKEN": "a-token-of-ours"}
