"""Which file of a folder is read as what."""

import pytest

from focal_config_watcher.core.authoring import folder
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile

AGENT = SourceFile("agent.yaml", "id: a")


def sort(*paths: str) -> tuple[dict[str, Kind], list[Problem]]:
    files = [AGENT, *(SourceFile(path, "") for path in paths)]
    known, problems = folder.sort(files, Limits())
    return {item.file.path: item.kind for item in known}, problems


def test_a_collection_is_a_file_or_a_folder_or_both() -> None:
    kinds, problems = sort("rules.yaml", "rules/a.yml", "rules/more/b.yaml", "scenarios/x.yaml")
    assert problems == []
    assert [kinds[path] for path in ("rules.yaml", "rules/a.yml", "rules/more/b.yaml")] == [Kind.RULES] * 3
    assert kinds["scenarios/x.yaml"] is Kind.SCENARIOS


@pytest.mark.parametrize(
    "path",
    ["../rules.yaml", "rules/../../x.yaml", "/etc/rules.yaml", "rules//a.yaml", ".hidden.yaml",
     "rules\\a.yaml", "rules/a\n.yaml", "rüles.yaml", "", "r" * 300 + ".yaml"],
)  # fmt: skip
def test_a_path_that_leaves_the_folder_or_surprises_is_refused(path: str) -> None:
    _, [problem] = sort(path)
    assert problem.reason == "BAD_PATH"
    assert problem.path.isascii()


@pytest.mark.parametrize("path", ["rule.yaml", "agent/x.yaml", "misc/rules.yaml"])
def test_a_file_that_nothing_reads_is_an_error_because_it_is_probably_a_typing_error(path: str) -> None:
    _, [problem] = sort(path)
    assert (problem.reason, problem.refuses) == ("UNKNOWN_FILE", True)


def test_other_files_are_left_alone_with_a_warning() -> None:
    kinds, [problem] = sort("README.md")
    assert "README.md" not in kinds
    assert (problem.reason, problem.refuses) == ("NOT_YAML", False)
    assert folder.read_files([AGENT, SourceFile("README.md", "")]) == (AGENT,)


def test_a_file_sent_twice_is_refused() -> None:
    assert [problem.reason for problem in sort("rules.yaml", "rules.yaml")[1]] == ["DUPLICATE_FILE"]


def test_a_folder_without_an_agent_is_refused() -> None:
    _, [problem] = folder.sort([SourceFile("rules.yaml", "")], Limits())
    assert problem.reason == "NO_AGENT"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(files=1), "TOO_MANY_FILES"),
        (Limits(file_bytes=4), "FILE_TOO_LARGE"),
        (Limits(total_bytes=6), "FOLDER_TOO_LARGE"),
    ],
)
def test_too_much_is_refused_before_it_is_read(limits: Limits, reason: str) -> None:
    known, problems = folder.sort([AGENT, SourceFile("rules.yaml", "ä")], limits)
    assert known == []
    assert reason in {problem.reason for problem in problems}
