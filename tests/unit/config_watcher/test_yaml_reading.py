"""Reading YAML that nobody vouches for."""

from decimal import Decimal
from typing import Any

import pytest

from focal_config_watcher.core.authoring import nodes, yaml_reading
from focal_config_watcher.core.authoring.nodes import Place
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile


def read(text: str, limits: Limits | None = None) -> tuple[Any, list[Problem]]:
    node, problems = yaml_reading.read(SourceFile("f.yaml", text), limits or Limits())
    return (None if node is None else nodes.plain(node)), problems


def reasons(text: str, limits: Limits | None = None) -> list[str]:
    return [problem.reason for problem in read(text, limits)[1]]


def test_words_of_a_customer_stay_text() -> None:
    assert read("[yes, no, on, off, y, 007, 1e3x]")[0] == [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "007",
        "1e3x",
    ]


def test_true_false_null_and_numbers_have_their_types() -> None:
    assert read("[true, FALSE, null, ~, 12, -3, 0.1, 1e3]")[0] == [
        True,
        False,
        None,
        None,
        12,
        -3,
        Decimal("0.1"),
        Decimal("1e3"),
    ]


def test_quoted_text_is_text_whatever_it_looks_like() -> None:
    assert read("""["true", '12', "null"]""")[0] == ["true", "12", "null"]


def test_keys_are_text() -> None:
    assert read("{true: 1, 12: 2}")[0] == {"true": 1, "12": 2}


def test_every_value_and_key_remembers_its_place() -> None:
    node, _ = yaml_reading.read(SourceFile("f.yaml", "a:\n  - x\n  - b: 1\n"), Limits())
    assert node is not None
    assert nodes.place(node, ["a", 1, "b"]) == Place(3, 8)
    assert nodes.key_place(node, ["a", 1, "b"]) == Place(3, 5)
    assert nodes.place(node, ["a", "not there"]) == Place(2, 3)


def test_a_key_given_twice_is_reported_at_the_second_place() -> None:
    value, [problem] = read("a: 1\nb: 2\na: 3\n")
    assert value == {"a": 1, "b": 2}
    assert (problem.reason, problem.line, problem.column) == ("DUPLICATE_KEY", 3, 1)
    assert "line 1" in problem.message


def test_a_syntax_error_says_where() -> None:
    value, [problem] = read("a: [1, 2\nb: 3\n")
    assert value is None
    assert (problem.reason, problem.path, problem.line) == ("SYNTAX", "f.yaml", 2)


def test_an_alias_repeats_its_anchor() -> None:
    assert read("a: &x {k: 1}\nb: *x\n") == ({"a": {"k": 1}, "b": {"k": 1}}, [])


def test_a_billion_laughs_are_refused_before_they_expand() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert reasons("\n".join(lines)) == ["TOO_MANY_VALUES"]


def test_a_value_inside_itself_is_refused() -> None:
    assert reasons("a: &x [1, *x]") == ["ENDLESS_ALIAS"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: *nowhere", "UNKNOWN_ALIAS"),
        ("a: 1\n---\nb: 2", "SEVERAL_DOCUMENTS"),
        ("? [a, b]\n: 1", "BAD_KEY"),
        ("a: !!python/object:os.system x", "TAG"),
        ("a: !custom x", "TAG"),
        ('a: "\\0"', "INVALID_TEXT"),
        ("a: \x07", "SYNTAX"),
        ("\t- a", "SYNTAX"),
    ],
)
def test_what_has_no_meaning_here_is_refused(text: str, reason: str) -> None:
    assert reason in reasons(text)


def test_text_that_is_no_utf_8_is_refused() -> None:
    assert set(reasons('a: "\\ud800"')) <= {"INVALID_TEXT", "SYNTAX"}
    assert reasons('a: "\\ud800"')


def test_deep_nesting_is_refused_without_exhausting_the_stack() -> None:
    assert reasons("[" * 100_000) in (["TOO_DEEP"], ["SYNTAX"])


def test_a_long_text_is_reported() -> None:
    assert reasons("a: xxxx", Limits(text_chars=3)) == ["TEXT_TOO_LONG"]


def test_an_empty_file_is_nothing_and_no_problem() -> None:
    assert read("# only a remark\n") == (None, [])
