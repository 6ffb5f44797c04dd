"""`{variable}` places in texts that are shown, and the variables that steps collect."""

import re
from collections.abc import Iterator

from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.tool import Tool
from focal_config_watcher.domain.problem import Problem

_BRACES = re.compile(r"\{([^{}\n]{0,80})\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check(draft: Draft) -> Iterator[Problem]:
    """Places that no variable fills, in every text with places."""
    for origin, text, where in _texts(draft):
        yield from _places(draft, origin, text, where)
    for tool_id, tool in draft.tools.items():
        chosen = draft.activations.get(tool_id)
        origin = draft.origin(Kind.ACTIVATIONS if chosen and chosen.confirm else Kind.TOOLS, tool_id)
        yield from _question(origin, tool)
    for origin, _, _, step_id, step in draft.all_steps():
        for index, name in enumerate(step.collects):
            where = ("steps", step_id, "collects", index)
            if not draft.has(Kind.VARIABLES, name):
                message = naming.missing("variable", name, draft.ids(Kind.VARIABLES))
                yield origin.error("DANGLING_VARIABLE", message, *where)
            elif name in draft.variables and not (draft.variables[name].ask or step.templates):
                message = f"nothing says how to ask for `{name}`; give the variable an `ask:` text"
                yield origin.warning("NO_QUESTION", message, *where)


def _texts(draft: Draft) -> Iterator[tuple[Origin, str, tuple[Where, ...]]]:
    for template_id, template in draft.templates.items():
        origin = draft.origin(Kind.TEMPLATES, template_id)
        yield origin, template.text, ("text",)
        for language, text in template.translations.items():
            yield origin, text, ("translations", language)
    for rule_id, rule in draft.rules.items():
        yield draft.origin(Kind.RULES, rule_id), rule.then, ("then",)
    for name, variable in draft.variables.items():
        yield draft.origin(Kind.VARIABLES, name), variable.ask, ("ask",)
    for origin, _, _, step_id, step in draft.all_steps():
        yield origin, step.does, ("steps", step_id, "does")


def _places(draft: Draft, origin: Origin, text: str, where: tuple[Where, ...]) -> Iterator[Problem]:
    for name in dict.fromkeys(_BRACES.findall(text)):
        if not _NAME.fullmatch(name):
            message = f"`{{{name}}}` is no place; write `{{a_variable}}` or leave the braces out"
            yield origin.error("BAD_PLACE", message, *where)
        elif not draft.has(Kind.VARIABLES, name):
            message = naming.missing("variable", name, draft.ids(Kind.VARIABLES))
            yield origin.error("DANGLING_VARIABLE", message, *where)


def _question(origin: Origin, tool: Tool) -> Iterator[Problem]:
    """Places of the question before a call are its arguments: they are what the yes is bound to, and a tool
    of a catalogue knows no variables of an agent.
    """
    for name in dict.fromkeys(_BRACES.findall(tool.confirm)):
        if name not in tool.argument_names():
            message = naming.missing("argument of the tool", name, tool.argument_names())
            yield origin.error("UNKNOWN_ARGUMENT", message, "confirm")
