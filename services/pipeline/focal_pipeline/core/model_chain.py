"""The fallback chain: models are asked in order until one gives a usable answer.

Without a configured endpoint the chain is empty and nothing leaves the process; what follows the
last model is the caller's affair (the offline model for replies, going without for values).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from focal_pipeline import errors
from focal_pipeline.core.live_text import LiveText
from focal_pipeline.domain import models
from focal_pipeline.domain.bundle import Agent, ModelSettings
from focal_pipeline.domain.models import Request, Said
from focal_pipeline.domain.turn import Event, Severity, Usage
from focal_pipeline.ports import LanguageModel, Output
from focal_pipeline.settings import CallSite, LlmSettings
from focal_service_kit import deadlines

T = TypeVar("T")
Object = Mapping[str, Any]
Check = Callable[[Object], Object]
"""Returns the accepted value or raises ValueError."""

DEFAULT_SITE = "default"
_NOTHING = Usage()


class ModelChain:
    """The models of one agent in one turn, and what asking them cost so far (`usage`)."""

    def __init__(
        self,
        model: LanguageModel | None,
        settings: LlmSettings,
        agent: Agent,
        output: Output,
        spent: Usage = _NOTHING,
    ) -> None:
        self._model = model
        self._settings = settings
        self._agent = agent
        self._output = output
        self.usage = spent

    @property
    def empty(self) -> bool:
        """Whether there is no language model to ask."""
        return self._model is None or not self._settings.configured

    async def reply(self, site: str, prompt: tuple[Said, ...], shown: LiveText) -> str | None:
        """The text of a reply, shown piece by piece; None when no model gave one."""
        try:
            return await self._first(site, prompt, lambda model, request: self._stream(model, request, shown))
        except errors.ModelFailed:
            return None

    async def call_tool(
        self, site: str, prompt: tuple[Said, ...], tool: models.ToolSpec, check: Check
    ) -> Object:
        """Arguments for a tool that pass the check. Raises ModelFailed."""

        async def ask(model: LanguageModel, request: Request) -> Object:
            return self._checked(request, await model.call_tool(request, tool), check)

        return await self._first(site, prompt, ask)

    async def structured(self, site: str, prompt: tuple[Said, ...], schema: Object, check: Check) -> Object:
        """An object that follows the schema and passes the check. Raises ModelFailed."""

        async def ask(model: LanguageModel, request: Request) -> Object:
            return self._checked(request, await model.structured(request, schema), check)

        return await self._first(site, prompt, ask)

    async def _first(
        self,
        site: str,
        prompt: tuple[Said, ...],
        ask: Callable[[LanguageModel, Request], Coroutine[Any, Any, T]],
    ) -> T:
        failure = errors.ModelFailed("", "not_configured")
        for request in self._requests(site, prompt):
            assert self._model is not None
            try:
                return await self._in_time(request, ask(self._model, request))
            except errors.ModelFailed as failed:
                failure = failed
                payload = {"model": failed.model, "reason": failed.kind, "site": site}
                await self._output.event(Event("infra", "brain.model_failed", payload, Severity.WARN))
        raise failure

    async def _in_time(self, request: Request, answer: Coroutine[Any, Any, T]) -> T:
        """The answer within the request's limit and the turn's deadline."""
        self._count(request)
        try:
            async with asyncio.timeout(deadlines.cap(request.timeout_s)):
                return await answer
        except TimeoutError:
            raise errors.ModelFailed(request.model, "timeout") from None

    async def _stream(self, model: LanguageModel, request: Request, shown: LiveText) -> str:
        pieces = []
        shown.begin()
        async with contextlib.aclosing(model.stream(request)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    pieces.append(chunk.text)
                    await shown.add(chunk.text)
                if chunk.tokens:
                    self._answered(request, chunk.tokens)
        await shown.end()
        text = "".join(pieces).strip()
        if not text:
            raise errors.ModelFailed(request.model, "empty")
        self._answered(request, models.Tokens())
        return text

    def _checked(self, request: Request, filled: models.Filled, check: Check) -> Object:
        self._answered(request, filled.tokens)
        try:
            return check(filled.value)
        except ValueError:
            raise errors.ModelFailed(request.model, "off_schema") from None

    def _requests(self, site: str, prompt: tuple[Said, ...]) -> list[Request]:
        """One per model of the site, with the bundle's settings over the service's."""
        if self.empty:
            return []
        ours: CallSite = getattr(self._settings, site)
        theirs = self._agent.models.get(site, ModelSettings())
        rest = self._agent.models.get(DEFAULT_SITE, ModelSettings())
        return [
            Request(
                model=name,
                prompt=prompt,
                temperature=_given(theirs.temperature, rest.temperature, ours.temperature),
                max_tokens=theirs.max_tokens or rest.max_tokens or ours.max_tokens,
                timeout_s=theirs.timeout_s or rest.timeout_s or ours.timeout_s,
            )
            for name in model_names(self._settings, self._agent, site)
        ]

    def _count(self, request: Request) -> None:
        self.usage = replace(
            self.usage,
            llm_calls=self.usage.llm_calls + 1,
            prompt_characters=self.usage.prompt_characters + request.characters,
        )

    def _answered(self, request: Request, tokens: models.Tokens) -> None:
        self.usage = replace(
            self.usage,
            prompt_tokens=self.usage.prompt_tokens + tokens.prompt,
            completion_tokens=self.usage.completion_tokens + tokens.completion,
            models=with_model(self.usage.models, request.model),
        )


def model_names(settings: LlmSettings, agent: Agent, site: str) -> tuple[str, ...]:
    """The models of a call site in the order they are asked; none when no endpoint is configured."""
    if not settings.configured:
        return ()
    for chosen in (agent.models.get(site), agent.models.get(DEFAULT_SITE)):
        if chosen and chosen.models:
            return tuple(dict.fromkeys(chosen.models))
    return tuple(dict.fromkeys((settings.model, *settings.fallback_models)))


def with_model(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Names of the models that answered, in order of their first answer."""
    return names if name in names else (*names, name)


def _given(*values: float | None) -> float:
    return next(value for value in values if value is not None)
