import importlib
import re
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGES = ["focal_turn_gateway", "focal_toolbox", "focal_memory", "focal_config_watcher"]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_revisions_of_a_schema_are_one_chain_in_the_order_of_their_files(package: str) -> None:
    [folder] = importlib.import_module(f"{package}.migrations").__path__
    texts = [path.read_text() for path in sorted(Path(folder).glob("[0-9]*.py"))]
    links = [
        tuple(
            re.findall(rf'^{name} = "?(\w+)"?$', text, re.MULTILINE)[0]
            for name in ("revision", "down_revision")
        )
        for text in texts
    ]
    assert links[0][1] == "None"
    assert all(after[1] == before[0] for before, after in pairwise(links))
    assert len({revision for revision, _ in links}) == len(links)
