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
