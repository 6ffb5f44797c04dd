"""Page tokens and notes."""

import pytest

from focal_config_watcher.transport import requests
from focal_kernel import errors


def test_a_page_token_leads_back_to_its_position() -> None:
    assert requests.position(requests.page_token("versions a", "17"), "versions a") == "17"
    assert requests.position("", "versions a") == ""


@pytest.mark.parametrize("token", ["x", "äöü", "W10=", "bnVsbA==", requests.page_token("versions b", "1")])
def test_a_token_of_another_query_or_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        requests.position(token, "versions a")
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


def test_page_sizes_have_a_default_and_an_end() -> None:
    assert [requests.page_size(size) for size in (0, 7, 1000)] == [20, 7, 100]
    with pytest.raises(errors.InvalidArgument):
        requests.page_size(-1)


@pytest.mark.parametrize("note", ["\0", "bell \x07", "x" * 1001])
def test_a_note_is_short_printable_text(note: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        requests.note(note, "note")
