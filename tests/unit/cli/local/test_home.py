import os
import stat
from pathlib import Path

import pytest

from focal_cli.local import errors, home

RECORD = home.Record(
    pid=1,
    targets={"turn_gateway": "127.0.0.1:1"},
    metrics={},
    postgres_url="postgresql://u:p@h/d",
    redis_url="redis://h",
    pids={},
)


def test_a_second_holder_is_refused_and_told_the_pid(tmp_path: Path) -> None:
    second = home.Home(tmp_path).hold()
    with home.Home(tmp_path).hold(), pytest.raises(errors.AlreadyRunning) as refusal, second:
        pytest.fail("two hold the folder")
    assert refusal.value.pid == os.getpid()
    assert str(os.getpid()) in refusal.value.message


def test_the_folder_can_be_held_again_after_it_was_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with home.Home(tmp_path).hold():
            pass


def test_the_record_is_found_while_the_mesh_runs(tmp_path: Path) -> None:
    place = home.Home(tmp_path)
    with place.hold():
        place.publish(RECORD)
        assert place.running() == RECORD


def test_a_record_left_by_a_killed_mesh_is_not_believed(tmp_path: Path) -> None:
    place = home.Home(tmp_path)
    with place.hold():
        place.publish(RECORD)
        left_behind = (tmp_path / "mesh.json").read_text()
    (tmp_path / "mesh.json").write_text(left_behind)
    with pytest.raises(errors.NotRunning):
        place.running()


def test_a_mesh_that_is_still_starting_is_not_running_yet(tmp_path: Path) -> None:
    place = home.Home(tmp_path)
    with place.hold(), pytest.raises(errors.NotRunning, match="starting"):
        place.running()


def test_the_record_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    place = home.Home(tmp_path)
    with place.hold():
        place.publish(RECORD)
        assert stat.S_IMODE((tmp_path / "mesh.json").stat().st_mode) == 0o600
