import pytest

from focal_cli import render


def test_a_shown_id_keeps_its_kind_and_the_end_that_tells_it_apart() -> None:
    assert render.short_id("ses_01M7Y8A22XM6C1J12EJXXAX16S") == "ses_…XAX16S"
    assert render.short_id("returns_desk") == "returns_desk"
    assert render.short_id("59.90") == "59.90"


def test_what_one_copies_stays_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    session = "ses_01M7Y8A22XM6C1J12EJXXAX16S"
    render.table("Sessions", ("session", "reply"), [(session, "many words " * 9)])
    assert session in capsys.readouterr().out


def test_a_row_in_a_file_is_one_line_however_long_its_cells_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    rows = [("ses_1", "many words " * 40, "the end"), ("ses_2", "few", "the end")]
    render.table("Sessions", ("session", "reply", "how"), rows)
    _, _, _, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["ses_1", "│", *["many", "words"] * 40, "│", "the", "end"]
    assert second.split() == ["ses_2", "│", "few", "│", "the", "end"]


def test_columns_limits_a_table_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    render.table("Sessions", ("session", "reply"), [("ses_1", "many words " * 40)])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
