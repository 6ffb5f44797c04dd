"""P8: what the reply must do, before anybody words it.

What happened in the world decides first: an effect in doubt, failed or not enabled is answered by a
fixed text, so that no model and no template can call it done. A call that waits for a yes is asked about word
for word: a customer must not agree to what a model made of it.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from focal_kernel import canonical_json
from focal_pipeline.core import withheld
from focal_pipeline.core.late_results import LateResult
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.core.templates import Templates
from focal_pipeline.core.withheld import Withheld
from focal_pipeline.domain import placeholders
from focal_pipeline.domain.bundle import SideEffect, Step, StepType, TemplateMode
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.tools import Question, Ran
from focal_pipeline.domain.turn import Outcome

ESCALATION, HANDOFF = "escalation", "handoff"
"""Tool categories that mark a call as giving the conversation to a person or another agent."""


class ResponseType(enum.Enum):
    """What the reply is; the first that applies wins, in this order."""

    ESCALATE = "escalate"
    HANDOFF = "handoff"
    ASK = "ask"
    REFUSE = "refuse"
    CONFIRM = "confirm"
    MIXED = "mixed"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """`fixed` replaces every wording; `suggestions`, `results` and `guidance` are what to say,
    `asks` what to end with, `fallback` what to send when nobody can word the rest.
    """

    type: ResponseType
    fixed: str | None = None
    suggestions: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    asked_variable: str = ""
    guidance: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    failed: bool = False
    not_found: bool = False
    doubtful: bool = False
    fallback: str | None = None
    asked_about: str = ""
    """Confirmation that the reply asks the customer for; empty when it asks for none."""

    @property
    def outcome(self) -> Outcome:
        """How the turn ends for the customer when the reply is sent as planned."""
        if self.type in {ResponseType.ESCALATE, ResponseType.HANDOFF}:
            return Outcome.REDIRECTED
        if self.doubtful or self.type in {ResponseType.ASK, ResponseType.CONFIRM}:
            return Outcome.PARTIAL
        return Outcome.UNRESOLVED if self.failed else Outcome.RESOLVED


@dataclass(frozen=True)
class Findings:
    """What the phases before came to."""

    runtime: AgentRuntime
    known: Mapping[str, Any]
    matched: Sequence[Matched]
    course: Course | None
    ran: Sequence[Ran]
    turn_group_id: str
    late: LateResult | None = None

    @functools.cached_property
    def withheld(self) -> Sequence[Withheld]:
        """Tools that were not called because they are not enabled."""
        return withheld.find(self.runtime, self.known, self.matched, self.course)


def plan(findings: Findings, templates: Templates) -> ResponsePlan:
    """The response plan of a turn."""
    course_texts = list(_course_texts(findings, templates))
    rule_texts = list(_rule_texts(findings, templates))
    fixed = _of_the_world(findings, rule_texts, templates)
    exclusive = _exclusive((*reversed(course_texts), *rule_texts))
    question = None if fixed else _question(findings.ran)
    if question is not None:
        return _asking(findings, question, exclusive, (*rule_texts, *course_texts))
    asks, asked_variable = _asks(findings, course_texts)
    suggestions = [t.text for t in (*rule_texts, *course_texts) if t.text not in asks]
    late = findings.late
    if late is not None and late.succeeded and not suggestions:
        suggestions = [templates.finished(late.tool_name)]
    return ResponsePlan(
        type=_type(findings, asks=bool(asks) and not fixed, answers=bool(suggestions or findings.ran)),
        fixed=fixed or _with_question(exclusive, asks),
        suggestions=tuple(dict.fromkeys(suggestions)),
        asks=() if fixed else asks,
        asked_variable=asked_variable,
        guidance=tuple(_guidance(findings)),
        statements=tuple(_statements(findings, rule_texts)),
        results=tuple(_results(findings)),
        failed=any(not (ran.outcome.succeeded or ran.outcome.waits) for ran in findings.ran)
        or bool(findings.withheld)
        or _failed_late(findings),
        not_found=any(ran.outcome.not_found for ran in findings.ran),
        doubtful=any(ran.outcome.doubtful for ran in findings.ran),
        fallback=templates.fallback(findings.course),
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A rendered template and who brought it."""

    text: str
    mode: TemplateMode
    step_id: str = ""
    rule_id: str = ""


def _of_the_world(findings: Findings, rule_texts: Iterable[_Text], templates: Templates) -> str | None:
    """The text for effects that did not succeed; doubt is told before what has only begun, and that before
    failure.

    While an effect of an earlier turn stays in doubt, rules still answer what else is asked.
    """
    effects = [r for r in findings.ran if r.planned.policy is not SideEffect.PURE]
    doubtful = [r for r in effects if r.outcome.doubtful]
    if doubtful:
        known_before = all(r.call.turn_group_id != findings.turn_group_id for r in doubtful)
        answers = [text.text for text in rule_texts] if known_before else []
        worst = min(doubtful, key=lambda r: r.outcome.started)
        wording = templates.started if worst.outcome.started else templates.in_doubt
        return " ".join((*answers, wording(worst.planned.tool_name)))
    declined = [r.planned.tool_name for r in findings.ran if r.outcome.declined]
    if declined:
        return templates.declined(declined[0])
    failed = [r.planned.tool_name for r in effects if not (r.outcome.succeeded or r.outcome.waits)]
    if findings.late is not None and _failed_late(findings):
        failed.append(findings.late.tool_name)
    if failed:
        return templates.failed(failed[0])
    acting = [each.tool.name for each in findings.withheld if each.acts]
    if acting:
        return templates.not_enabled(acting[0])
    approvals = [r.planned.tool_name for r in findings.ran if _waits_for(r, operator=True)]
    return templates.approval(approvals[0]) if approvals else None


def _waits_for(ran: Ran, *, operator: bool) -> bool:
    question = ran.outcome.question
    return ran.outcome.waits and question is not None and question.for_operator is operator


def _question(ran: Iterable[Ran]) -> Question | None:
    """What the customer has to say yes to: one question at a time."""
    return next((r.outcome.question for r in ran if _waits_for(r, operator=False)), None)


def _asking(
    findings: Findings, question: Question, exclusive: _Text | None, texts: Iterable[_Text]
) -> ResponsePlan:
    """What there is to say, and the question in the toolbox's own words."""
    said = (exclusive.text,) if exclusive else tuple(dict.fromkeys(text.text for text in texts))
    return ResponsePlan(
        type=ResponseType.CONFIRM,
        fixed=" ".join(text.strip() for text in (*said, question.prompt)),
        results=tuple(_results(findings)),
        asked_about=question.confirmation_id,
    )


def _course_texts(findings: Findings, templates: Templates) -> Iterator[_Text]:
    """Templates of the steps that have something to say, in the order walked."""
    for step in _speaking_steps(findings.course):
        if not _all_succeeded(findings, step_id=step.step_id):
            continue
        chosen = templates.choose(step.template_ids)
        if chosen:
            yield _Text(chosen.text, chosen.mode, step_id=step.step_id)


def _speaking_steps(course: Course | None) -> Iterator[Step]:
    """Steps entered or rested on; the question of a step that was walked through is answered."""
    if course is None:
        return
    for position, step in enumerate(course.steps):
        rests = position == len(course.path) - 1
        asks = bool(step.collects) or step.type is StepType.QUESTION
        if rests or (step.step_id in course.entered and not asks):
            yield step


def _rule_texts(findings: Findings, templates: Templates) -> Iterator[_Text]:
    for matched in findings.matched:
        rule = matched.rule
        chosen = templates.choose(rule.template_ids)
        if chosen and _all_succeeded(findings, rule_id=rule.rule_id):
            yield _Text(chosen.text, chosen.mode, rule_id=rule.rule_id)


def _all_succeeded(findings: Findings, *, rule_id: str = "", step_id: str = "") -> bool:
    origin = (rule_id, step_id)
    if any(each.critical and (each.rule_id, each.step_id) == origin for each in findings.withheld):
        return False
    return all(
        r.outcome.succeeded or not r.planned.binding.critical
        for r in findings.ran
        if (r.planned.origin.rule_id, r.planned.origin.step_id) == origin
    )


def _exclusive(texts: Iterable[_Text]) -> _Text | None:
    return next((text for text in texts if text.mode is TemplateMode.EXCLUSIVE), None)


def _with_question(exclusive: _Text | None, asks: tuple[str, ...]) -> str | None:
    """An exclusive text does not swallow the question that the scenario has to ask."""
    if exclusive is None:
        return None
    return "\n\n".join((exclusive.text, *(ask for ask in asks if ask != exclusive.text)))


def _asks(findings: Findings, course_texts: Sequence[_Text]) -> tuple[tuple[str, ...], str]:
    """What to ask: in the words of the step's own template, else by the prompt of the first variable
    that the step or a tool of it misses.
    """
    missing = next(_missing(findings), None)
    if missing is None:
        return (), ""
    step = findings.course.last if findings.course else None
    own = [t.text for t in course_texts if step is not None and t.step_id == step.step_id]
    if own and step is not None and missing in step.collects:
        return (own[-1],), missing
    reader = findings.runtime.readers.get(missing)
    prompt = reader.variable.prompt if reader else ""
    rendered = placeholders.render(prompt, findings.known)
    return ((rendered or f"Could you tell me the {missing.replace('_', ' ')}?"),), missing


def _missing(findings: Findings) -> Iterator[str]:
    if findings.course is None or findings.course.last.is_terminal:
        return
    step = findings.course.last
    wanted = dict.fromkeys((*step.collects, *(n for b in step.tool_bindings for n in b.required_variables)))
    for name in wanted:
        if name not in findings.known and name in findings.runtime.readers:
            yield name


def _type(findings: Findings, *, asks: bool, answers: bool) -> ResponseType:
    categories = {
        category
        for ran in findings.ran
        if ran.outcome.succeeded
        for category in findings.runtime.tools[ran.planned.tool_name].categories
    }
    if ESCALATION in categories:
        return ResponseType.ESCALATE
    if HANDOFF in categories:
        return ResponseType.HANDOFF
    if asks:
        confirms = findings.course is not None and findings.course.last.is_checkpoint
        return ResponseType.CONFIRM if confirms else ResponseType.ASK
    refused = any(
        r.outcome.status.value == "refused" and not (r.outcome.doubtful or r.outcome.waits)
        for r in findings.ran
    )
    if refused or findings.withheld:
        return ResponseType.REFUSE
    scored = any(matched.score is not None for matched in findings.matched)
    both = findings.course is not None and scored and answers
    return ResponseType.MIXED if both else ResponseType.ANSWER


def _guidance(findings: Findings) -> Iterator[str]:
    """What rules and the step say to do, with places filled where values are known."""
    for matched in findings.matched:
        action = matched.rule.action_text
        if action:
            yield placeholders.render(action, findings.known) or action
    if findings.course is not None:
        step = findings.course.last
        yield f"The conversation is at: {step.description or step.name or step.step_id}"
    for ran in findings.ran:
        if not (ran.outcome.succeeded or ran.outcome.waits):
            yield f"{ran.planned.tool_name} did not succeed ({ran.outcome.error_reason}); say so honestly"
    yield from (each.guidance for each in findings.withheld)


def _statements(findings: Findings, rule_texts: Sequence[_Text]) -> Iterator[str]:
    """Actions of scored rules without a template of their own, for whoever can only repeat them."""
    worded = {text.rule_id for text in rule_texts} | {each.rule_id for each in findings.withheld}
    for matched in findings.matched:
        if matched.score is not None and matched.rule.rule_id not in worded:
            rendered = placeholders.render(matched.rule.action_text, findings.known)
            if rendered:
                yield rendered


def _failed_late(findings: Findings) -> bool:
    return findings.late is not None and not findings.late.succeeded


def _results(findings: Findings) -> Iterator[str]:
    """What tools brought: the values taken from the result, else the result itself."""
    if findings.late is not None and findings.late.succeeded:
        yield f"{findings.late.tool_name}: {canonical_json.dumps(findings.late.result)}"
    for one in findings.ran:
        if one.outcome.succeeded:
            brought = one.variables or one.outcome.result
            yield f"{one.planned.tool_name}: {canonical_json.dumps(brought)}"
