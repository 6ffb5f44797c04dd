"""Notes."""

import pytest

from focal_config_watcher.transport import requests
from focal_kernel import errors


@pytest.mark.parametrize("note", ["\0", "bell \x07", "x" * 1001])
def test_a_note_is_short_printable_text(note: str) -> None:
    with pytest.raises(errors.InvalidArgument):
        requests.note(note, "note")
