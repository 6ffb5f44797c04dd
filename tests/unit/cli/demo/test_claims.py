import pytest

from focal_cli.demo import claims

TRUE = claims.claim("scene", "one reply", expected=1, seen=1)
FALSE = claims.claim("scene", "one reply", expected=1, seen=2)


def test_values_are_compared_as_they_are_shown() -> None:
    assert TRUE.holds
    assert not FALSE.holds


@pytest.mark.parametrize(("played", "verdict"), [([TRUE], True), ([TRUE, FALSE], False), ([], False)])
def test_the_verdict_needs_claims_and_all_of_them(played: list[claims.Claim], verdict: bool) -> None:
    assert claims.to_json(played)["holds"] is verdict


def test_people_read_what_was_expected_only_where_it_differs(capsys: pytest.CaptureFixture[str]) -> None:
    claims.show([claims.claim("scene", "it was told", expected=True, seen=True), FALSE])
    shown = capsys.readouterr().out
    assert "yes" in shown
    assert "2 instead of 1" in shown
