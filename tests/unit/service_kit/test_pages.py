import pytest

from focal_kernel import errors
from focal_service_kit import pages


def test_a_token_leads_back_to_its_position() -> None:
    assert pages.position(pages.token("17", "versions", "a"), "versions", "a") == "17"


def test_the_first_page_needs_no_token_and_the_last_gives_none() -> None:
    assert pages.position("", "versions") == ""
    assert pages.token("", "versions") == ""


@pytest.mark.parametrize(
    "token",
    ["x", "äöü", "W10=", "A" * 500, pages.token("1", "versions", "b"), pages.token("\0", "versions", "a")],
)
def test_a_token_of_another_query_or_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(pages.BadToken) as caught:
        pages.position(token, "versions", "a")
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


def test_page_sizes_have_a_default_and_an_end() -> None:
    assert [pages.size(asked) for asked in (0, 7, 1000)] == [20, 7, 100]
    with pytest.raises(errors.InvalidArgument):
        pages.size(-1)
