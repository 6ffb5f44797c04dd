"""Fails when a tracked file names a folder of somebody's machine or a package host."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Written with a class in each pattern, so that this file does not match itself.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(ro[o]t|hom[e]|Use[r]s|wor[k]|op[t])/[\w.-]+"),
    "a package host": re.compile(r"pyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.(org|com)|proxy\.golan[g]\.org"),
}


def tracked() -> list[Path]:
    """All files git knows that still exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := Path(name)).is_file()]


def findings(path: Path) -> list[str]:
    """One line per forbidden text, as `file:line: what`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
    return [
        f"{path}:{number}: {what}: {match[0]}"
        for number, line in enumerate(lines, 1)
        for what, pattern in FORBIDDEN.items()
        if (match := pattern.search(line))
    ]


if __name__ == "__main__":
    found = [finding for path in tracked() for finding in findings(path)]
    print("\n".join(found), file=sys.stderr)
    sys.exit(bool(found))
