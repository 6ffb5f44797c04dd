"""Prompts for the language models of one turn: what they are told, and what is kept from them.

Values of variables marked `pii` never enter a prompt, only that they are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from focal_kernel import canonical_json
from focal_pipeline.core.response_plan import ResponsePlan
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain import placeholders
from focal_pipeline.domain.bundle import Tool, Variable
from focal_pipeline.domain.models import Said
from focal_pipeline.domain.turn import Turn
from focal_pipeline.ports import Recalled

RESULT_CHARS = 4000
"""Longest tool result in a prompt; beyond, a model loses the thread and the budget."""

_CLOSING = (
    "Write only the reply to the customer, in the customer's language ({language} when unsure)."
    " State nothing as done or known beyond the above."
)


class Prompts:
    """The prompts of one turn."""

    def __init__(self, turn: Turn, runtime: AgentRuntime) -> None:
        self._turn = turn
        self._runtime = runtime

    def for_reply(
        self, plan: ResponsePlan, known: Mapping[str, Any], recalled: Iterable[Recalled]
    ) -> tuple[Said, ...]:
        """What to write the reply from."""
        agent = self._runtime.agent
        sections = (
            agent.system_prompt.strip() or f"You are {agent.name or 'a helpful agent'}.",
            _section("Terms", (f"{term}: {meaning}" for term, meaning in agent.glossary)),
            _section("Guidance for this reply", plan.guidance),
            _section("Known values", self._values(known)),
            _section("Results of tools just called", (fact[:RESULT_CHARS] for fact in plan.results)),
            _section("From earlier conversations", (f"{r.speaker}: {r.content}" for r in recalled)),
            _section("Suggested wording", plan.suggestions),
            _section("End the reply by asking", plan.asks),
            _CLOSING.format(language=agent.default_language),
        )
        return (Said("system", "\n\n".join(filter(None, sections))), *self._conversation())

    def for_tool(self, tool: Tool) -> tuple[Said, ...]:
        """What to fill a tool's arguments from."""
        task = (
            f"Call the tool {tool.name} with arguments taken from the conversation."
            " Take values literally; invent none."
        )
        return (Said("system", task), *self._conversation())

    def for_values(self, variables: Iterable[Variable]) -> tuple[Said, ...]:
        """What to find the values of variables in."""
        fields = _section("Fields", (f"{v.name} ({v.type}): {v.description or v.prompt}" for v in variables))
        task = (
            "Read the customer's last message and fill the fields it states."
            " Use null for a field that the customer did not state."
        )
        return (Said("system", f"{task}\n\n{fields}"), *self._conversation())

    def was_written(self, value: object) -> bool:
        """Whether a value stands in the customer's own words, in this turn or the history."""
        written = "\n".join((*(e.customer_text for e in self._turn.history), self._turn.text))
        return placeholders.spoken(value).lower() in written.lower()

    def _conversation(self) -> tuple[Said, ...]:
        history = [
            said
            for exchange in self._turn.history
            for said in (Said("user", exchange.customer_text), Said("assistant", exchange.reply_text))
            if said.content
        ]
        said = filter(None, (self._trigger(), self._turn.text))
        return (*history, Said("user", "\n".join(said)))

    def _trigger(self) -> str:
        """What opened the turn, when that was no message; a message may have come since."""
        if self._turn.text and not self._turn.trigger:
            return ""
        return f"(No message; {self._turn.cause.value}: {canonical_json.dumps(self._turn.trigger)})"

    def _values(self, known: Mapping[str, Any]) -> Iterable[str]:
        for name, reader in self._runtime.readers.items():
            if name in known:
                shown = "known" if reader.variable.pii else canonical_json.dumps(known[name])
                yield f"{name}: {shown}"


def _section(title: str, lines: Iterable[str]) -> str:
    listed = "\n".join(f"- {line.strip()}" for line in lines)
    return f"{title}:\n{listed}" if listed else ""
