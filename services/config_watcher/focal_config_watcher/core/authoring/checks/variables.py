"""Patterns, synonyms and allowed values of variables."""

from collections.abc import Iterator

import regex

from focal_config_watcher.core.authoring.draft import Draft, Origin
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.variable import Variable
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Patterns that do not compile, values of another type, words with two meanings."""
    collected = {name for *_, step in draft.all_steps() for name in step.collects}
    for name, variable in draft.variables.items():
        origin = draft.origin(Kind.VARIABLES, name)
        yield from _pattern(origin, variable)
        yield from _synonyms(origin, variable)
        for index, value in enumerate(variable.allowed):
            if not variable.accepts(value):
                message = f"the variable is a {variable.type}; give such a value"
                yield origin.error("WRONG_VALUE", message, "allowed", index)
        if variable.only_when_asked and name not in collected:
            message = f"no step collects `{name}`, so it never gets a value"
            yield origin.warning("NEVER_ASKED", message, "only_when_asked")


def _pattern(origin: Origin, variable: Variable) -> Iterator[Problem]:
    if not variable.pattern:
        return
    try:
        pattern = regex.compile(variable.pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        yield origin.error("BAD_PATTERN", f"not a regular expression: {error}", "pattern")
        return
    if pattern.search(""):
        message = "the pattern matches an empty text, so it would always match; require a character"
        yield origin.error("BAD_PATTERN", message, "pattern")


def _synonyms(origin: Origin, variable: Variable) -> Iterator[Problem]:
    meanings: dict[str, str] = {}
    for value, words in variable.synonyms.items():
        try:
            read = variable.read(value)
        except ValueError as error:
            yield origin.error("WRONG_VALUE", f"`{value}` {error}", "synonyms", value, key=True)
            continue
        if variable.allowed and read not in variable.allowed:
            message = f"`{value}` is not among the values in `allowed`; add it there"
            yield origin.error("WRONG_VALUE", message, "synonyms", value, key=True)
        for index, word in enumerate(words):
            other = meanings.setdefault(word.casefold(), value)
            if other != value:
                message = f"`{word}` already stands for `{other}`; keep it once"
                yield origin.error("AMBIGUOUS_WORD", message, "synonyms", value, index)
