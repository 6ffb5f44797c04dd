"""One policy over recorded beats, on a virtual clock that counts seconds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from benchmarks.accumulation.recording import Beat, Said
from focal_turn_gateway.domain.accumulation import Rhythm, Situation
from focal_turn_gateway.domain.adaptive import percentile
from focal_turn_gateway.ports.accumulation import AccumulationPolicy
from focal_turn_gateway.settings.accumulation import LearntRhythm


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds the policy: the channel's base, the longest wait (None: as long as it takes), seconds
    from the end of the wait to the reply, and how rhythms are learnt.
    """

    base_ms: int
    processing_s: float
    max_wait_ms: int | None
    learning: LearntRhythm = field(default_factory=LearntRhythm)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a policy comes to; counts are per beat, latencies in seconds."""

    missed: float
    precision: float
    latency_mean_s: float
    latency_p95_s: float
    starts: float
    doubles: float


@dataclass(slots=True)
class _Count:
    starts: int = 0
    doubles: int = 0
    latencies_s: list[float] = field(default_factory=list)


def replay(policy: AccumulationPolicy, beats: Sequence[Beat], world: World) -> Figures:
    """The policy's figures over at least one beat; an author's rhythm is learnt from beat to beat."""
    count = _Count()
    gaps: defaultdict[str, list[int]] = defaultdict(list)
    for beat in beats:
        _one(policy, beat, world, gaps[beat.author], count)
    number = len(beats)
    return Figures(
        missed=(count.starts - number) / number,
        precision=number / count.starts,
        latency_mean_s=fmean(count.latencies_s),
        latency_p95_s=percentile(count.latencies_s, 0.95),
        starts=count.starts / number,
        doubles=count.doubles / number,
    )


def _one(policy: AccumulationPolicy, beat: Beat, world: World, gaps: list[int], count: _Count) -> None:
    waiting: list[Said] = []
    opened = due = 0.0
    last: Said | None = None
    for said in beat.messages:
        if last is not None:
            replied = said.at > due + world.processing_s
            if said.at > due:
                count.starts += 1
                count.doubles += replied
                waiting = []
            if not replied:
                _learn(gaps, round((said.at - last.at) * 1000), world.learning)
        opened = opened if waiting else said.at
        due = _due(policy, said, world, _rhythm(gaps, waiting, world.learning), opened)
        waiting.append(said)
        last = said
    count.starts += 1
    count.latencies_s.append(due - beat.messages[-1].at)


def _due(policy: AccumulationPolicy, said: Said, world: World, rhythm: Rhythm, opened: float) -> float:
    pause_ms = policy.window(Situation(said.text, world.base_ms, rhythm)).pause_ms
    due = said.at + pause_ms / 1000
    return due if world.max_wait_ms is None else min(due, opened + world.max_wait_ms / 1000)


def _rhythm(gaps: list[int], waiting: list[Said], learning: LearntRhythm) -> Rhythm:
    shown = waiting[-learning.earlier_texts :] if learning.earlier_texts else []
    earlier = tuple(said.text[: learning.earlier_chars] for said in shown)
    return Rhythm(tuple(gaps), earlier, len(waiting))


def _learn(gaps: list[int], gap_ms: int, learning: LearntRhythm) -> None:
    """As the gateway does (`migrations/functions/learn_gap.sql`): only what came before the reply."""
    if learning.gaps_kept and learning.gap_min_ms <= gap_ms <= learning.gap_max_ms:
        gaps.append(gap_ms)
        del gaps[: -learning.gaps_kept]
