import os
import pwd
from pathlib import Path

import pytest

from focal_cli.local import errors, privilege

NAMELESS = 1_234_567


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NAMELESS)


def namespaces(monkeypatch: pytest.MonkeyPatch, *, work: bool) -> None:
    monkeypatch.setattr(privilege, "namespaces_work", lambda: work)


def test_a_normal_user_runs_postgres_as_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    assert privilege.for_postgres(tmp_path) == privilege.SAME


def test_the_id_borne_in_a_namespace_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    namespaces(monkeypatch, work=True)
    kind, _, uid = privilege.for_postgres(tmp_path).partition(":")
    assert kind == "namespace"
    assert pwd.getpwuid(int(uid)).pw_name != "root"


@pytest.mark.usefixtures("nameless")
def test_a_user_without_a_name_gets_one_in_a_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespaces(monkeypatch, work=True)
    assert privilege.for_postgres(tmp_path).startswith("namespace:")


@pytest.mark.usefixtures("nameless")
def test_a_user_without_a_name_is_told_where_namespaces_are_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespaces(monkeypatch, work=False)
    with pytest.raises(errors.ServerFailed, match=str(NAMELESS)) as caught:
        privilege.for_postgres(tmp_path)
    assert "FOCAL_POSTGRES_URL" in caught.value.mend


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_nobody_reaches_folders_that_are_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespaces(monkeypatch, work=False)
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    nobody = pwd.getpwnam(privilege.NOBODY)
    assert privilege.for_postgres(closed / "data") == f"{nobody.pw_uid}:{nobody.pw_gid}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_root_without_namespaces_is_told_what_nobody_cannot_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespaces(monkeypatch, work=False)
    with pytest.raises(errors.ServerFailed, match="nobody cannot reach"):
        privilege.for_postgres(tmp_path / "absent")
