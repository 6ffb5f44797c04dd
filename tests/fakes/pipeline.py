"""In-memory twins of the pipeline's ports, and bundles made in a line or two."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from focal_embedding import words
from focal_embedding.hashed import HashedEmbedder
from focal_pipeline import errors
from focal_pipeline.core import runtime
from focal_pipeline.core.live_text import LiveText
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain import bundle as domain
from focal_pipeline.domain import models, tools, turn
from focal_pipeline.domain.bundle import Bundle, Pointer, SideEffect, Tool, ToolBinding
from focal_pipeline.ports import Recalled

TENANT, AGENT = "acme", "desk"
EMBEDDER = HashedEmbedder()


@dataclass
class Bundles:
    """A `BundleSource` over a dict; `away` makes it unreachable, `gate` holds fetches back."""

    published: dict[tuple[str, str], list[Bundle]] = field(default_factory=dict)
    away: bool = False
    gate: asyncio.Event | None = None
    fetched: list[tuple[str, str, int]] = field(default_factory=list)
    pointers: asyncio.Queue[Pointer | None] = field(default_factory=asyncio.Queue)
    watches: int = 0

    def publish(self, bundle: Bundle) -> None:
        self.published.setdefault((bundle.tenant_id, bundle.agent.agent_id), []).append(bundle)

    async def fetch(self, tenant_id: str, agent_id: str, version: int) -> Bundle:
        self.fetched.append((tenant_id, agent_id, version))
        if self.gate:
            await self.gate.wait()
        if self.away:
            raise errors.ConfigUnavailable
        versions = self.published.get((tenant_id, agent_id), [])
        if not versions:
            raise errors.AgentNotFound(agent_id)
        if version == 0:
            return versions[-1]
        found = next((bundle for bundle in versions if bundle.version == version), None)
        if found is None:
            raise errors.VersionNotFound(agent_id, version)
        return found

    async def watch(self) -> AsyncIterator[Pointer]:
        self.watches += 1
        while (pointer := await self.pointers.get()) is not None:
            yield pointer
        raise errors.ConfigUnavailable


@dataclass
class Toolbox:
    """Answers from `outcomes`; a tool in `held` waits for its event once it has started."""

    outcomes: dict[str, tools.Outcome] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    calls: list[tools.Call] = field(default_factory=list)
    contexts: list[tools.Context] = field(default_factory=list)
    reached: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    replies: list[tools.Reply] = field(default_factory=list)
    most_at_once: int = 0
    running: int = 0
    before: Callable[[tools.Call], None] = lambda _call: None

    @property
    def names(self) -> list[str]:
        return [call.tool_name for call in self.calls]

    async def execute(
        self, context: tools.Context, call: tools.Call, on_started: Callable[[str], Awaitable[None]]
    ) -> tools.Outcome:
        self.before(call)
        self.calls.append(call)
        self.contexts.append(context)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await on_started("")
            self.reached[call.tool_name].set()
            if call.tool_name in self.held:
                await self.held[call.tool_name].wait()
            await asyncio.sleep(0)
        finally:
            self.running -= 1
        return self.outcomes.get(call.tool_name, success(call.tool_name))

    async def confirm(self, session_id: str, reply: tools.Reply) -> None:
        self.replies.append(reply)


def success(name: str, result: Any = None, **more: Any) -> tools.Outcome:
    return tools.Outcome(name, tools.Status.SUCCESS, result=result or {}, **more)


def failure(name: str, reason: str = "broken", **more: Any) -> tools.Outcome:
    return tools.Outcome(name, tools.Status.ERROR, error_reason=reason, **more)


def in_doubt(name: str) -> tools.Outcome:
    return tools.Outcome(name, tools.Status.IN_DOUBT, error_reason="timeout", commit_point_reached=True)


@dataclass
class Memory:
    """Recalls `said`, or is away for the reason given."""

    said: Sequence[Recalled] = ()
    away: str = ""
    queries: list[str] = field(default_factory=list)

    async def recall(self, query: str, customer_id: str, limit: int) -> Sequence[Recalled]:
        self.queries.append(query)
        if self.away:
            raise errors.MemoryAway(self.away)
        return self.said[:limit]


Answer = str | Mapping[str, Any] | Exception | Sequence[str | Exception]


@dataclass
class Models:
    """A `LanguageModel`: one answer per model name. A sequence is streamed; an exception in it cuts."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[models.Request] = field(default_factory=list)
    gate: asyncio.Event | None = None
    closed: int = 0

    async def stream(self, request: models.Request) -> AsyncGenerator[models.Chunk]:
        answer = await self._answer(request)
        pieces = [answer] if isinstance(answer, str) else answer
        assert isinstance(pieces, Sequence)
        try:
            for piece in pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield models.Chunk(piece)
            yield models.Chunk(tokens=models.Tokens(10, 5))
        finally:
            self.closed += 1

    async def call_tool(self, request: models.Request, tool: models.ToolSpec) -> models.Filled:
        return await self._filled(request)

    async def structured(self, request: models.Request, schema: Mapping[str, Any]) -> models.Filled:
        return await self._filled(request)

    async def _filled(self, request: models.Request) -> models.Filled:
        answer = await self._answer(request)
        assert isinstance(answer, Mapping)
        return models.Filled(answer, models.Tokens(7, 3))

    async def _answer(self, request: models.Request) -> Answer:
        self.requests.append(request)
        if self.gate:
            await self.gate.wait()
        answer = self.answers[request.model]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Output:
    """Records what the gateway would get; `stored_gate` holds acknowledgements back."""

    events: list[turn.Event] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    decisions: list[turn.Decision] = field(default_factory=list)
    artifacts: list[turn.Artifact] = field(default_factory=list)
    offered: list[turn.Artifact] = field(default_factory=list)
    stored_gate: asyncio.Event | None = None

    async def event(self, event: turn.Event) -> None:
        self.events.append(event)

    async def text(self, text: str) -> None:
        self.texts.append(text)

    async def decision(self, decision: turn.Decision) -> None:
        self.decisions.append(decision)

    async def store(self, artifact: turn.Artifact) -> None:
        self.artifacts.append(artifact)
        if self.stored_gate:
            await self.stored_gate.wait()

    async def offer(self, artifact: turn.Artifact) -> None:
        self.offered.append(artifact)

    def shown(self) -> LiveText:
        """Live text that ends up here, each piece at once."""
        return LiveText(self, wanted=True, pause_s=0, now=time.monotonic)

    @property
    def names(self) -> list[str]:
        return [f"{event.category}.{event.type}" for event in self.events]


def bundle(*, version: int = 1, **parts: Any) -> Bundle:
    """A bundle with its vectors and postings; parts as in `Bundle`."""
    given: dict[str, Any] = {name: part if name == "agent" else tuple(part) for name, part in parts.items()}
    made = Bundle(**{"tenant_id": TENANT, "agent": domain.Agent(AGENT), "version": version, **given})
    texts = dict(_texts(made))
    matrix = np.array([EMBEDDER.vector(text) for text in texts.values()], "<f4")
    rules = {key: text for key, text in texts.items() if key.startswith("rule:")}
    return replace(
        made,
        embedding_model=EMBEDDER.model,
        embedding_dimensions=EMBEDDER.dimensions,
        vector_keys=tuple(texts),
        vectors=matrix.tobytes(),
        lexical=lexical(rules),
    )


def compiled(**parts: Any) -> AgentRuntime:
    """A runtime of such a bundle."""
    return runtime.compile_bundle(bundle(**parts), EMBEDDER)


def lexical(documents: Mapping[str, str]) -> domain.LexicalIndex:
    """BM25 postings (k1 1.2, b 0.75) of texts by key."""
    counts = {key: Counter(words.split(text)) for key, text in documents.items()}
    mean = sum(c.total() for c in counts.values()) / max(len(counts), 1)
    postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, count in enumerate(counts.values()):
        norm = 1.2 * (1 - 0.75 + 0.75 * count.total() / mean)
        for word, n in count.items():
            postings[word].append((number, n * 2.2 / (n + norm)))
    terms = sorted(postings)
    total = len(counts)
    weights = [
        weight * math.log(1 + (total - len(postings[t]) + 0.5) / (len(postings[t]) + 0.5))
        for t in terms
        for _, weight in postings[t]
    ]
    return domain.LexicalIndex(
        terms=tuple(terms),
        offsets=np.cumsum([0, *(len(postings[t]) for t in terms)]).astype("<u4").tobytes(),
        documents=np.array([n for t in terms for n, _ in postings[t]], "<u4").tobytes(),
        weights=np.array(weights, "<f4").tobytes(),
        document_keys=tuple(documents),
    )


def tool(name: str, policy: SideEffect = SideEffect.PURE, **more: Any) -> Tool:
    return Tool(name, policy=policy, **more)


def binding(name: str, **more: Any) -> ToolBinding:
    return ToolBinding(name, **more)


def planned(name: str, policy: SideEffect = SideEffect.PURE, *, origin: Any = None, **more: Any) -> Any:
    return tools.Planned(binding(name, **more), policy, origin or tools.Origin())


def make_turn(*texts: str, **more: Any) -> turn.Turn:
    """A turn whose messages are m1, m2, …"""
    messages = tuple(turn.Message(f"m{n}", text) for n, text in enumerate(texts, 1))
    given = {"messages": messages, **more}
    return turn.Turn(TENANT, AGENT, "ses_1", "trn_1", "grp_1", epoch=1, customer_id="cus_1", **given)


def _texts(made: Bundle) -> list[tuple[str, str]]:
    return [
        *((f"rule:{r.rule_id}", r.condition_text) for r in made.rules if r.condition_text and not r.always),
        *(
            (f"entry:{s.scenario_id}:{n}", text)
            for s in made.scenarios
            for n, text in enumerate(s.entry_conditions)
        ),
        *(
            (f"transition:{s.scenario_id}#{step.step_id}:{n}", transition.condition_text)
            for s in made.scenarios
            for step in s.steps
            for n, transition in enumerate(step.transitions)
            if transition.condition_text
        ),
    ]
