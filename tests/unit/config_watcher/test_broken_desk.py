"""The example of mistakes must make exactly those that its remarks announce."""

import re
from pathlib import Path

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.domain.sources import Limits, SourceFile

FOLDER = Path(__file__).parents[3] / "examples" / "broken_desk"
REASON = re.compile(r"[A-Z][A-Z_]{4,}")


def test_every_mistake_is_reported_in_the_line_that_says_so() -> None:
    files = [SourceFile(path.name, path.read_text()) for path in FOLDER.glob("*.yaml")]
    found = {(item.path, item.line, item.reason) for item in reading.read(files, Limits()).problems}
    announced = {
        (file.path, number, reason)
        for file in files
        for number, line in enumerate(file.content.splitlines(), 1)
        for reason in REASON.findall(line.partition("#")[2])
    }
    assert found == announced
