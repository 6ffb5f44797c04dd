"""Everything that can refuse a call before anything is reserved or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from focal_kernel import ids
from focal_toolbox import errors
from focal_toolbox.core import arguments, promising
from focal_toolbox.core.promising import Promises
from focal_toolbox.domain import handing_over, keys, report
from focal_toolbox.domain.confirmation import Question
from focal_toolbox.domain.effect import Effect, Wish
from focal_toolbox.domain.order import Arguments, Attempt, Order
from focal_toolbox.domain.report import Promise
from focal_toolbox.domain.tool import Check, Tool
from focal_toolbox.ports.catalogue import ToolCatalogue
from focal_toolbox.ports.providers import Dispatch, Provider


@dataclass(frozen=True, slots=True)
class Job:
    """A call that may be carried out: its tool, its request, for ledgered tools its keys, which effect it
    undoes, what needs a yes first, and for asynchronous ones how its end is reported.
    """

    order: Order
    tool: Tool
    arguments: Arguments
    dispatch: Dispatch
    effect_key: str = ""
    business_key: str = ""
    compensates: str = ""
    questions: tuple[Question, ...] = ()
    promise: Promise | None = None

    def wish(self) -> Wish:
        """A new wish to reserve the effect."""
        attempt = self.order.attempt
        promise = self.promise
        return Wish(
            effect_id=ids.new_id("eff"),
            reservation_id=ids.new_id("rsv"),
            tenant_id=attempt.tenant_id,
            effect_key=self.effect_key,
            business_key=self.business_key,
            tool_name=self.tool.name,
            policy=self.tool.policy,
            session_id=attempt.session_id,
            turn_group_id=attempt.turn_group_id,
            turn_id=attempt.turn_id,
            epoch=attempt.epoch,
            arguments_json=self.arguments.canonical,
            agent_id=attempt.agent_id,
            config_version=attempt.config_version,
            compensates=self.compensates,
            questions=self.questions,
            token_hash=report.token_hash(promise.token) if promise else "",
            report_within_s=promise.within_s if promise else 0.0,
            awaited_s=promise.awaited_s if promise else 0.0,
        )


@dataclass(frozen=True, slots=True)
class Asking:
    """A call that asks what became of an effect; `asynchronous`: its provider may do it much later."""

    check: Check
    job: Job
    asynchronous: bool


class Preparation:
    """Resolves the tool, checks the arguments and builds the request."""

    def __init__(
        self,
        catalogue: ToolCatalogue,
        providers: Mapping[str, Provider],
        schemas: arguments.Schemas,
        max_arguments_bytes: int,
        promises: Promises,
    ) -> None:
        self._catalogue = catalogue
        self._providers = providers
        self._schemas = schemas
        self._max_arguments_bytes = max_arguments_bytes
        self._promises = promises

    async def tool(self, order: Order) -> Tool:
        """The tool that the order names; Refusal TOOL_NOT_FOUND when the agent may not call it."""
        tool = (await self._tools(order.attempt)).get(order.tool_name)
        if tool is None or not tool.enabled:
            state = "has no tool" if tool is None else "may not call its tool"
            raise errors.Refusal("TOOL_NOT_FOUND", f"the agent {state} {order.tool_name[:64]!r}")
        return tool

    def arguments(self, order: Order) -> Arguments:
        """The order's arguments; BadRequest when they are no JSON object."""
        return arguments.read(order.arguments_json, self._max_arguments_bytes)

    def job(self, order: Order, tool: Tool, given: Arguments) -> Job:
        """The call, ready to be carried out; Refusal when it must not be."""
        self._schemas.check(tool, given)
        effect_key, business_key = _keys(order, tool, given) if tool.policy.ledgered else ("", "")
        promise = self._promises.of(tool)
        dispatch = promising.dispatch(self._provider(tool), order, tool, given, promise)
        return Job(order, tool, given, dispatch, effect_key, business_key, promise=promise)

    async def compensation(self, effect: Effect, attempt: Attempt) -> Job:
        """The call that undoes an effect, by the definition that the effect was caused under; Refusal when
        there is none. Rows of earlier releases do not know theirs: then it is the attempt's.
        """
        if effect.agent_id:
            attempt = replace(attempt, agent_id=effect.agent_id, config_version=effect.config_version)
        tools = await self._tools(attempt)
        tool = tools.get(effect.tool_name)
        undo = tools.get(tool.compensation) if tool else None
        if tool is None or undo is None or not undo.policy.ledgered:
            raise errors.Refusal("NOT_COMPENSATABLE", f"no tool is named that undoes {effect.tool_name}")
        job = self._about(effect, attempt, undo, tool.compensation_arguments)
        return replace(job, effect_key=keys.compensation_key(effect), compensates=effect.effect_id)

    async def check(self, effect: Effect) -> Asking:
        """The call that asks what became of an effect, by the definition that the effect was caused under.
        Raises NotCheckable, or Refusal when the call cannot be made.
        """
        attempt = effect.attempt
        tools = await self._tools(attempt) if effect.agent_id else {}
        tool = tools.get(effect.tool_name)
        check = tool.check if tool else None
        asked = tools.get(check.tool_name) if check else None
        if tool is None or check is None or asked is None or asked.policy.ledgered:
            raise errors.NotCheckable(effect.tool_name)
        return Asking(check, self._about(effect, attempt, asked, check.arguments), tool.asynchronous)

    def _about(self, effect: Effect, attempt: Attempt, tool: Tool, named: Mapping[str, str]) -> Job:
        order = Order(attempt, tool.name, handing_over.arguments(effect, tool, named))
        return self.job(order, tool, self.arguments(order))

    async def _tools(self, attempt: Attempt) -> Mapping[str, Tool]:
        return await self._catalogue.tools(attempt.tenant_id, attempt.agent_id, attempt.config_version)

    def _provider(self, tool: Tool) -> Provider:
        provider = self._providers.get(tool.provider)
        if provider is None:
            raise errors.Refusal("PROVIDER_NOT_CONFIGURED", f"there is no provider {tool.provider!r} here")
        return provider


def _keys(order: Order, tool: Tool, given: Arguments) -> tuple[str, str]:
    """Effect key and business key. Without declared fields only repeatable tools are accepted:
    two wordings of one refund must not count as two refunds."""
    if not tool.business_key_fields and not tool.policy.repeatable:
        raise errors.Refusal(
            "INVALID_BUNDLE", f"{tool.name!r} is {tool.policy} and names no business-key fields"
        )
    try:
        values = keys.business_values(tool, given)
    except KeyError as missing:
        raise errors.Refusal(
            "INVALID_TOOL_ARGUMENTS", f"/: the business-key field {missing} must have a value"
        ) from None
    return keys.effect_key(order, values), keys.business_key(order, values)
