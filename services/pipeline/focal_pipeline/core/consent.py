"""The answer to the call that the last turn asked about, and what becomes of that call.

Words that mean yes or no are read by themselves, the newest message first; one that holds both, or neither,
is read by a model where there is one. Anything else is no answer: the question stands, and is put again if
the call is still wanted. The answer is recorded right before the call is made, when no message waits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from focal_pipeline.core import model_collecting
from focal_pipeline.core.bound_tools import Group
from focal_pipeline.core.markers import Markers
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.rule_filter import Matched
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import Rule, Variable
from focal_pipeline.domain.session import WaitingCall
from focal_pipeline.domain.tools import DECLINED, Call, Origin, Outcome, Planned, Reply, Status
from focal_pipeline.domain.turn import Turn
from focal_pipeline.ports import Toolbox
from focal_pipeline.settings import ConsentSettings

VARIABLE = "customer_agrees"


class Consent:
    """What one turn says to the waiting call. `agreed` is None while there is no answer."""

    def __init__(self, turn: Turn, runtime: AgentRuntime, settings: ConsentSettings) -> None:
        self._turn = turn
        self._runtime = runtime
        self._agreements = self._telling(settings.agreements)
        self._declines = self._telling(settings.declines)
        self.agreed: bool | None = None

    @property
    def waiting(self) -> WaitingCall | None:
        """The call that waits for the customer or, in this turn, for nobody any more."""
        return self._turn.state.waiting

    @property
    def settled(self) -> bool:
        """Whether the question was answered, here or by other means than words."""
        waiting = self.waiting
        told = self._turn.trigger.get("confirmation_id")
        return waiting is not None and (self.agreed is not None or told == waiting.confirmation_id)

    async def read(self, chain: ModelChain, prompts: Prompts) -> None:
        """Read the answer out of the customer's texts."""
        waiting = self.waiting
        if waiting is None or waiting.for_operator or not self._turn.messages:
            return
        self.agreed = self._in_words()
        if self.agreed is None and not chain.empty:
            asked = Variable(
                VARIABLE,
                type="boolean",
                description=f"whether the customer agrees to this: {waiting.prompt}",
                only_when_asked=True,
            )
            found = await model_collecting.read(chain, prompts, [asked])
            self.agreed = found.get(VARIABLE)

    def groups(self) -> Iterator[Group]:
        """The waiting call of a rule once it was answered: the rule need not match the answer's words."""
        waiting = self.waiting
        if waiting is None or not waiting.rule_id or not self.settled:
            return
        tool, rule = self._runtime.tools.get(waiting.tool_name), self._rule()
        for binding in rule.tool_bindings if rule else ():
            if tool is not None and binding.tool_name == waiting.tool_name:
                yield Group("", (Planned(binding, tool.policy, Origin(waiting.rule_id)),))

    def matched(self, matched: tuple[Matched, ...]) -> tuple[Matched, ...]:
        """With the rule whose call was answered: what it has to say about the outcome is said now."""
        rule = self._rule() if self.settled else None
        if rule is None or any(each.rule.rule_id == rule.rule_id for each in matched):
            return matched
        return (*matched, Matched(rule, None))

    def arguments_of(self, planned: Planned) -> str | None:
        """The arguments that were asked about, if the tool is that of a rule whose question is settled."""
        waiting = self.waiting
        if waiting is None or not self.settled or not waiting.rule_id:
            return None
        asked = (planned.origin.rule_id, planned.tool_name) == (waiting.rule_id, waiting.tool_name)
        return waiting.arguments_json if asked else None

    async def settle(self, call: Call, toolbox: Toolbox) -> Outcome | None:
        """Record the answer if it is about this very call; the outcome when it was no, else None."""
        waiting = self.waiting
        if waiting is None or self.agreed is None:
            return None
        if (call.tool_name, call.arguments_json) != (waiting.tool_name, waiting.arguments_json):
            return None
        reply = Reply(waiting.confirmation_id, self.agreed, self._turn.turn_group_id)
        await toolbox.confirm(self._turn.session_id, reply)
        if self.agreed:
            return None
        return Outcome(call.tool_name, Status.REFUSED, error_reason=DECLINED)

    def _rule(self) -> Rule | None:
        waiting, runtime = self.waiting, self._runtime
        if waiting is None:
            return None
        rules = itertools.chain(runtime.table.rules, *runtime.always.values())
        return next((rule for rule in rules if rule.rule_id == waiting.rule_id), None)

    def _telling(self, phrases: Iterable[str]) -> Markers:
        """Without words of the question: `Yes, cancel it` is no refusal to cancel."""
        question = self.waiting.prompt if self.waiting else ""
        return Markers(phrase for phrase in phrases if not Markers([phrase]).in_(question))

    def _in_words(self) -> bool | None:
        for message in reversed(self._turn.messages):
            yes, no = self._agreements.in_(message.text), self._declines.in_(message.text)
            if yes is not no:
                return yes
            if yes:
                return None
        return None
