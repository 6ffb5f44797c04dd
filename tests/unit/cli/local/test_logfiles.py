from pathlib import Path

from focal_cli.local import logfiles


def test_a_full_log_moves_away_under_its_writer(tmp_path: Path) -> None:
    log = logfiles.LogFile(tmp_path / "service.log", limit_bytes=10)
    with log.open() as writer:
        writer.write(b"more than ten bytes\n")
        writer.flush()
        log.rotate()
        writer.write(b"next\n")
    assert (tmp_path / "service.log").read_bytes() == b"next\n"
    assert (tmp_path / "service.log.1").read_bytes() == b"more than ten bytes\n"


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    log = logfiles.LogFile(tmp_path / "service.log")
    with log.open() as writer:
        writer.write("".join(f"{number}\n" for number in range(5000)).encode())
    assert log.tail(2) == "4998\n4999"


def test_a_log_that_was_never_written_has_no_tail(tmp_path: Path) -> None:
    assert logfiles.LogFile(tmp_path / "service.log").tail(2) == ""
