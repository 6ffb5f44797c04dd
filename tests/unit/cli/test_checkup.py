from collections.abc import Callable
from pathlib import Path

import pytest

from focal_cli import checkup
from focal_cli.local import errors, home, ports, valkey


def found(root: Path, name: str) -> checkup.Finding:
    return next(finding for finding in checkup.examine(root) if finding.name == name)


def missing(message: str) -> Callable[[], Path]:
    def binary() -> Path:
        raise errors.ServerFailed(message, "Install it.")

    return binary


def test_a_missing_program_says_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOCAL_REDIS_URL", raising=False)
    monkeypatch.setattr(valkey, "binary", missing("no Valkey"))
    assert found(tmp_path, "Valkey") == checkup.Finding("Valkey", False, "no Valkey", "Install it.")


def test_a_program_that_does_not_run_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOCAL_REDIS_URL", raising=False)
    monkeypatch.setattr(valkey, "binary", lambda: Path("/bin/false"))
    finding = found(tmp_path, "Valkey")
    assert not finding.well
    assert "FOCAL_REDIS_URL" in finding.mend


def test_a_server_of_ones_own_needs_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOCAL_REDIS_URL", "redis://elsewhere")
    monkeypatch.setattr(valkey, "binary", missing("no Valkey"))
    assert found(tmp_path, "Valkey").well


def test_ports_that_are_all_taken_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    assert not found(tmp_path, "Ports").well


def test_a_running_mesh_is_shown_with_its_gateway(tmp_path: Path) -> None:
    place = home.Home(tmp_path)
    with place.hold():
        place.publish(
            home.Record(
                pid=1,
                targets={"turn_gateway": "127.0.0.1:7401"},
                metrics={},
                postgres_url="",
                redis_url="",
                pids={},
            )
        )
        assert "127.0.0.1:7401" in found(tmp_path, "Mesh").detail
