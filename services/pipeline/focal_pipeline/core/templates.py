"""Prepared texts: which of a rule's or step's alternatives fits, and the texts for when things fail.

A bundle words failures itself by templates with these ids: `<tool>_in_doubt` or `in_doubt` while
nobody knows whether an effect happened, `<tool>_failed` or `failed` when it did not,
`<tool>_not_enabled` or `not_enabled` when the agent may not call a tool that there is. What an asynchronous
tool comes to is worded by `<tool>_started` or `started` while its provider works on it, and by
`<tool>_finished` or `finished` when it went well and no step has words for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain import placeholders
from focal_pipeline.domain.bundle import Scope, Template, TemplateMode
from focal_pipeline.domain.course import Course

IN_DOUBT = (
    "I have sent this off, but I have no answer yet on whether it went through. We are checking, and I"
    " will not try it a second time until we know. You will hear from us as soon as it is clear."
)
STARTED = (
    "I have passed this on and it was taken up. That takes a while; you will hear from us as soon as it is"
    " finished."
)
FINISHED = "What I had passed on for you is finished: it went through."
FAILED = (
    "I am sorry, that did not go through, and nothing has changed on your side. If you still want it,"
    " tell me once more what you need."
)

NOT_ENABLED = (
    "I am sorry, I cannot do that for you here, so nothing has been done. It can be done, just not by me:"
    " please get in touch with our team."
)
DECLINED = "All right, I will leave that as it is."
APPROVAL = "A colleague has to agree to that first. I have asked, and you will hear from us."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A rendered template."""

    text: str
    mode: TemplateMode


class Templates:
    """The templates of one turn, with what is known and which scopes are active."""

    def __init__(
        self, runtime: AgentRuntime, known: Mapping[str, Any], scopes: Iterable[str], language: str
    ) -> None:
        self._templates = runtime.templates
        self._known = known
        self._scopes = frozenset(scopes)
        self._language = language

    def choose(self, template_ids: Iterable[str]) -> Chosen | None:
        """The first alternative that applies here and whose places all have values."""
        for template_id in template_ids:
            template = self._templates.get(template_id)
            if template is None or template.mode is TemplateMode.FALLBACK or not self._applies(template):
                continue
            text = self._render(template)
            if text:
                return Chosen(text, template.mode)
        return None

    def fallback(self, course: Course | None) -> str | None:
        """The narrowest FALLBACK text: of the step, of the scenario, or of all."""
        scopes = [""]
        if course is not None:
            scenario_id = course.scenario.scenario_id
            scopes = [f"{scenario_id}#{course.last.step_id}", scenario_id, ""]
        fallbacks = [t for t in self._templates.values() if t.mode is TemplateMode.FALLBACK]
        texts = (self._render(t) for scope in scopes for t in fallbacks if _scope(t) == scope)
        return next((text for text in texts if text), None)

    def in_doubt(self, tool_name: str) -> str:
        """What to say while nobody knows whether a tool's effect happened."""
        return self._named(f"{tool_name}_in_doubt", "in_doubt") or IN_DOUBT

    def started(self, tool_name: str) -> str:
        """What to say while a tool's provider works on it."""
        return self._named(f"{tool_name}_started", "started") or STARTED

    def finished(self, tool_name: str) -> str:
        """What to say when a tool's provider reports that it is finished."""
        return self._named(f"{tool_name}_finished", "finished") or FINISHED

    def failed(self, tool_name: str) -> str:
        """What to say when a tool's effect did not happen."""
        return self._named(f"{tool_name}_failed", "failed") or FAILED

    def not_enabled(self, tool_name: str) -> str:
        """What to say when a tool exists that the agent may not call."""
        return self._named(f"{tool_name}_not_enabled", "not_enabled") or NOT_ENABLED

    def declined(self, tool_name: str) -> str:
        """What to say when somebody said no to a tool's call."""
        return self._named(f"{tool_name}_declined", "declined") or DECLINED

    def approval(self, tool_name: str) -> str:
        """What to say while an operator has to agree to a tool's call."""
        return self._named(f"{tool_name}_approval", "approval") or APPROVAL

    def _named(self, *template_ids: str) -> str | None:
        found = (self._templates.get(template_id) for template_id in template_ids)
        texts = (self._render(template) for template in found if template)
        return next((text for text in texts if text), None)

    def _applies(self, template: Template) -> bool:
        scope = _scope(template)
        return not scope or scope in self._scopes

    def _render(self, template: Template) -> str | None:
        text = template.translations.get(self._language, template.text)
        rendered = placeholders.render(text.strip(), self._known)
        return rendered or None


def _scope(template: Template) -> str:
    return "" if template.scope is Scope.GLOBAL else template.scope_id
