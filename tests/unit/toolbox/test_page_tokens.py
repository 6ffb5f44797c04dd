import pytest

from focal_service_kit import pages
from focal_toolbox.domain.effect import Query, State
from focal_toolbox.transport import page_tokens


@pytest.mark.parametrize("before", [1, 10**12])
def test_a_page_token_survives_its_round_trip(before: int) -> None:
    query = Query("acme", "ses_1", State.DONE)
    assert page_tokens.decode(query, page_tokens.encode(query, before)) == before


@pytest.mark.parametrize(
    "other", [Query("globex", "ses_1", State.DONE), Query("acme", "", State.DONE), Query("acme", "ses_1")]
)
def test_a_page_token_belongs_to_its_query(other: Query) -> None:
    token = page_tokens.encode(Query("acme", "ses_1", State.DONE), 5)
    with pytest.raises(pages.BadToken):
        page_tokens.decode(other, token)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "%%%",
        "AAAA",
        "ä",
        "A" * 500,
        *(pages.token(text, "effects", "acme", "", "") for text in ("one", "9" * 19, "²")),
    ],
)
def test_a_token_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(pages.BadToken):
        page_tokens.decode(Query("acme"), token)


def test_the_last_page_has_no_token() -> None:
    query = Query("acme")
    assert page_tokens.encode(query, None) == ""
    assert page_tokens.decode(query, "") is None
