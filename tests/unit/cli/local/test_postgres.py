import os
import subprocess
from pathlib import Path

import pytest

from focal_cli.local import errors, postgres, privilege


def test_a_creation_that_was_cut_off_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "half").touch()
    cluster = postgres.prepare(tmp_path)
    assert (cluster.data / "PG_VERSION").exists()
    assert not (tmp_path / "unfinished").exists()


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(errors.ServerFailed, match="PostgreSQL 16"):
        postgres.prepare(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_root_without_namespaces_hands_the_data_to_nobody(
    servers_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privilege, "namespaces_work", lambda: False)
    servers_folder.chmod(0o755)
    try:
        cluster = postgres.prepare(servers_folder / "of nobody")
    except errors.ServerFailed as error:
        pytest.skip(error.message)  # a checkout that nobody may not enter
    assert cluster.data.owner() == "nobody"


def test_a_wrong_password_is_refused(postgres_server: str) -> None:
    if "FOCAL_POSTGRES_URL" in os.environ:
        pytest.skip("the server is not ours")
    psql = [
        str(postgres.binary("psql")),
        postgres_server.replace("focal:", "focal:wrong"),
        "-c",
        "",
    ]
    refused = subprocess.run(psql, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr


def test_readiness_is_that_of_our_own_server(tmp_path: Path) -> None:
    cluster = postgres.Cluster(tmp_path, "password", "same")
    assert not cluster.is_ready(42)
    lines = ["41", str(tmp_path), "1", "5432", "", "127.0.0.1", "", "ready   "]
    (tmp_path / "postmaster.pid").write_text("\n".join(lines))
    assert not cluster.is_ready(42)
    assert cluster.is_ready(41)
