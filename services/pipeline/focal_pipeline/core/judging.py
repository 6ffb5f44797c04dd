"""The brain's own judgement about messages that arrive while a turn runs (DOMAIN §2.6).

A handful of deterministic signals: no model is asked, because the answer must be there before the next
phase is. What no signal speaks for is left to the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from focal_pipeline.core import collecting
from focal_pipeline.core.markers import Markers, folded
from focal_pipeline.core.runtime import Reader
from focal_pipeline.domain.turn import AbsorbStrategy, Action, InterruptPoint, Message
from focal_pipeline.settings import SupersedeSettings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about messages, and why, for a person; `strategy` only with ABSORB."""

    action: Action
    reason: str
    strategy: AbsorbStrategy | None = None


@dataclass(slots=True)
class Standing:
    """Where the attempt stands; the phases keep it current. `asks` are variables the reply would ask for,
    `written` counts the characters of the reply that exist.
    """

    readers: Mapping[str, Reader] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    written: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class Situation:
    """The messages of the turn, those to judge, and where the attempt stands. `acted`: something has been
    done in the world already.
    """

    point: InterruptPoint
    messages: Sequence[Message]
    arrived: Sequence[Message]
    standing: Standing
    acted: bool


class Judge(Protocol):
    """A brain that has an opinion; one that has none leaves every message to the default."""

    def judge(self, situation: Situation) -> Verdict | None:
        """What to do about the messages that arrived; None when it cannot tell."""


class Signals:
    """The judge by signals, strongest first: a correction, an answer to what would be asked, a courtesy, a
    reply that is nearly there, a value or a thought that continues the turn.
    """

    def __init__(self, settings: SupersedeSettings, *, pattern_timeout_s: float) -> None:
        self._settings = settings
        self._pattern_timeout_s = pattern_timeout_s
        self._corrections = Markers(settings.corrections)
        self._refusals = Markers(settings.refusals)
        self._additions = Markers(settings.additions)
        self._courtesies = Markers(settings.courtesies)

    def judge(self, situation: Situation) -> Verdict | None:
        """See Judge. After an effect the default is safer than any signal."""
        if situation.acted:
            return None
        for signal in (
            self._corrected,
            self._answered_ahead,
            self._courteous,
            self._nearly_done,
            self._added,
            self._continued,
        ):
            verdict = signal(situation)
            if verdict is not None:
                return verdict
        return None

    def _corrected(self, situation: Situation) -> Verdict | None:
        for message in situation.arrived:
            if self._refusals.open(message.text) or self._corrections.in_(message.text):
                return Verdict(Action.SUPERSEDE, "the customer corrects what was said")
        before, now = self._values(situation.messages, situation), self._values(situation.arrived, situation)
        changed = sorted(name for name, value in now.items() if before.get(name, value) != value)
        if changed:
            return Verdict(Action.SUPERSEDE, f"the customer gives another {changed[0]}")
        return None

    def _answered_ahead(self, situation: Situation) -> Verdict | None:
        readers = situation.standing.readers
        wanted = [readers[name] for name in situation.standing.asks if name in readers]
        found = self._read(wanted, situation.arrived)
        if not found:
            return None
        return _absorb(situation, f"it holds the {min(found)} that the reply would ask for")

    def _courteous(self, situation: Situation) -> Verdict | None:
        if not all(self._courtesies.are_all_of(message.text) for message in situation.arrived):
            return None
        if self._read(situation.standing.readers.values(), situation.arrived):
            return None  # a thumb that means yes is no courtesy
        reason = "it adds nothing that the reply must answer"
        return Verdict(Action.ABSORB, reason, AbsorbStrategy.CONTINUE)

    def _nearly_done(self, situation: Situation) -> Verdict | None:
        if situation.point is InterruptPoint.PRE_COMMIT:
            return Verdict(Action.FORCE_COMPLETE, "nothing but the commit is left")
        share = situation.standing.written() / self._settings.reply_chars
        if share < self._settings.force_complete_share:
            return None
        return Verdict(Action.FORCE_COMPLETE, "the reply is nearly written")

    def _added(self, situation: Situation) -> Verdict | None:
        now = self._values(situation.arrived, situation)
        before = self._values(situation.messages, situation)
        new = sorted(now.keys() - before.keys() - situation.standing.known.keys())
        return _absorb(situation, f"it adds the {new[0]}") if new else None

    def _continued(self, situation: Situation) -> Verdict | None:
        said = folded(situation.messages[-1].text).rstrip() if situation.messages else ""
        unfinished = said.endswith(tuple(self._settings.open_endings))
        if unfinished or self._additions.open(situation.arrived[0].text):
            return _absorb(situation, "it continues the thought")
        return None

    def _values(self, messages: Sequence[Message], situation: Situation) -> Mapping[str, Any]:
        """What the messages state of their own accord."""
        unasked = [r for r in situation.standing.readers.values() if collecting.unasked(r.variable)]
        return self._read(unasked, messages)

    def _read(self, readers: Any, messages: Sequence[Message]) -> Mapping[str, Any]:
        return collecting.from_messages(readers, messages, lambda _variable: True, self._pattern_timeout_s)


def _absorb(situation: Situation, reason: str) -> Verdict:
    """Before the first phase nothing has been read yet: there is nothing to begin again."""
    return Verdict(Action.ABSORB, reason, strategy_at(situation.point))


def strategy_at(point: InterruptPoint) -> AbsorbStrategy:
    """How a message with content is taken in at a point."""
    if point is InterruptPoint.PRE_PROCESSING:
        return AbsorbStrategy.CONTINUE
    return AbsorbStrategy.RESTART
