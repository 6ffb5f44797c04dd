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
