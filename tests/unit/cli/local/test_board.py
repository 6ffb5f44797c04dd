import json

import pytest
import rich.console

from focal_cli.local import board, home, keeper

READY = keeper.Status("toolbox", keeper.Phase.READY, pid=7, restarts=1)
BACKOFF = keeper.Status("toolbox", keeper.Phase.BACKOFF, detail="ended by SIGKILL")
STARTING = keeper.Status("toolbox", keeper.Phase.STARTING, pid=7)
RECORD = home.Record(
    pid=1,
    targets={"turn_gateway": "127.0.0.1:7401"},
    metrics={},
    postgres_url="postgresql://focal:secret@h/d",
    redis_url="redis://:secret@h",
    pids={},
)


def test_machines_get_one_object_per_change(capsys: pytest.CaptureFixture[str]) -> None:
    board.JsonLines().announce(READY)
    expected = {"process": "toolbox", "phase": "ready", "pid": 7, "restarts": 1, "detail": ""}
    assert json.loads(capsys.readouterr().out) == expected


def test_no_password_is_shown_when_the_mesh_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    for shown in (board.JsonLines(), board.PlainLines()):
        shown.up(RECORD)
    output = capsys.readouterr().out
    assert "127.0.0.1:7401" in output
    assert "secret" not in output


def test_a_pipe_gets_lines_that_say_why_a_process_left(capsys: pytest.CaptureFixture[str]) -> None:
    board.PlainLines().announce(BACKOFF)
    assert capsys.readouterr().out.split() == ["toolbox", "backoff:", "ended", "by", "SIGKILL"]


def test_a_play_is_told_of_readiness_and_trouble_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for status in (STARTING, READY, BACKOFF):
        board.ReadyLines().announce(status)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_table_shows_the_latest_state_of_each_process() -> None:
    console = rich.console.Console(record=True, width=100)
    table = board.LiveTable(console)
    for status in (STARTING, BACKOFF):
        table.announce(status)
    console.print(table)
    text = console.export_text()
    assert text.count("toolbox") == 1
    assert "ended by SIGKILL" in text


def test_output_that_is_no_terminal_gets_plain_lines() -> None:
    with board.for_output(as_json=False) as shown:
        assert isinstance(shown, board.PlainLines)
