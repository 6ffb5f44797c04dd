"""Which file of an agent's folder holds what."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from focal_config_watcher.domain.problem import Problem, Severity
from focal_config_watcher.domain.sources import Limits, SourceFile

MAX_PATH_CHARS = 255
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_SUFFIXES = (".yaml", ".yml")


class Kind(StrEnum):
    """What a file defines; the value is the name of the file or folder."""

    AGENT = "agent"
    RULES = "rules"
    SCENARIOS = "scenarios"
    TEMPLATES = "templates"
    TOOLS = "tools"
    ACTIVATIONS = "activations"
    VARIABLES = "variables"

    @property
    def one(self) -> str:
        """The word for one of them."""
        return self.value if self is Kind.AGENT else self.value.removesuffix("s")


COLLECTIONS = tuple(kind for kind in Kind if kind is not Kind.AGENT)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file whose place in the folder says what it defines."""

    kind: Kind
    file: SourceFile


def sort(files: Sequence[SourceFile], limits: Limits) -> tuple[list[KnownFile], list[Problem]]:
    """The files to read, by path, and what is wrong with the folder."""
    if problems := list(_too_much(files, limits)):
        return [], problems
    known: list[KnownFile] = []
    seen: set[str] = set()
    for file in sorted(files, key=lambda file: file.path):
        kind, problem = _kind(file, seen)
        seen.add(file.path)
        if problem:
            problems.append(problem)
        if kind:
            known.append(KnownFile(kind, file))
    if not any(item.kind is Kind.AGENT for item in known):
        problems.append(Problem("", 0, 0, "NO_AGENT", "add agent.yaml: it says who the agent is"))
    return known, problems


def read_files(files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """Those that are read at all; the others need not be kept."""
    return tuple(file for file in files if file.path.endswith(_SUFFIXES))


def _too_much(files: Sequence[SourceFile], limits: Limits) -> Iterator[Problem]:
    if len(files) > limits.files:
        yield Problem("", 0, 0, "TOO_MANY_FILES", f"send at most {limits.files} files")
        return
    sizes = {file.path: _size(file) for file in files}
    for path, size in sizes.items():
        if size > limits.file_bytes:
            message = f"split the file: it has {size} bytes, at most {limits.file_bytes} are read"
            yield Problem(path[:MAX_PATH_CHARS], 0, 0, "FILE_TOO_LARGE", message)
    if sum(sizes.values()) > limits.total_bytes:
        message = f"the files have more than {limits.total_bytes} bytes together"
        yield Problem("", 0, 0, "FOLDER_TOO_LARGE", message)


def _kind(file: SourceFile, seen: set[str]) -> tuple[Kind | None, Problem | None]:
    path = file.path
    if len(path) > MAX_PATH_CHARS or not _PATH.fullmatch(path):
        return None, Problem(
            _shown(path),
            0,
            0,
            "BAD_PATH",
            "give a path inside the folder, with `/` between parts of letters, digits, `_`, `-`, `.`",
        )
    if path in seen:
        return None, Problem(path, 0, 0, "DUPLICATE_FILE", "the file was sent twice")
    if not path.endswith(_SUFFIXES):
        message = "only .yaml and .yml files are read"
        return None, Problem(path, 0, 0, "NOT_YAML", message, Severity.WARNING)
    kind = _named(path)
    if kind is None:
        message = "nothing reads this file; name it agent.yaml, or put it at or below one of " + ", ".join(
            f"{known}.yaml or {known}/" for known in COLLECTIONS
        )
        return None, Problem(path, 0, 0, "UNKNOWN_FILE", message)
    return kind, None


def _named(path: str) -> Kind | None:
    top, _, below = path.partition("/")
    name = top if below else top.rsplit(".", 1)[0]
    if name not in tuple(Kind) or (below and name == Kind.AGENT):
        return None
    return Kind(name)


def _size(file: SourceFile) -> int:
    return len(file.content.encode("utf-8", "surrogatepass"))


def _shown(path: str) -> str:
    """The path, short and printable."""
    return path[:MAX_PATH_CHARS].encode("ascii", "backslashreplace").decode()
