"""Results of phases that another run of the same intent need not work out again (DOMAIN §2.8).

A run reuses what its inputs and the versions behind them have not changed, checks what it applied, and
drops it when it is not fit for use. Only results that took long are kept: to store one costs every hop.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from focal_kernel import canonical_json, ids
from focal_pipeline.domain.turn import Artifact
from focal_pipeline.ports import Output, ReuseCounts, Verdict
from focal_pipeline.settings import ArtifactSettings

T = TypeVar("T")

FINGERPRINT_HEX = 16


class Policy(enum.Enum):
    """When a phase's result may be reused: whenever its inputs are the same, only if the versions it depends
    on are too, or not at all.
    """

    ALWAYS_SAFE = "always_safe"
    CONDITIONAL = "conditional"
    NEVER = "never"


POLICIES: Mapping[str, Policy] = {
    "P1": Policy.ALWAYS_SAFE,
    "P4": Policy.CONDITIONAL,
    "P5": Policy.CONDITIONAL,
    "P6": Policy.CONDITIONAL,
    "P7": Policy.NEVER,
    "P8": Policy.CONDITIONAL,
    "P9": Policy.CONDITIONAL,
    "P11": Policy.NEVER,
}
"""P1 is kept in memory by version, P5 and P8 cost less than an artifact does. What P7 set out to do is the
tool plan, which is not reused but followed.
"""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """An artifact of a phase: what its name is, and how a result becomes JSON data and comes back. `read`
    raises KeyError, TypeError or ValueError when the data is not fit for use; `write` returns None for a
    result that is not worth keeping.
    """

    name: str
    phase: str
    write: Callable[[T], Mapping[str, Any] | None]
    read: Callable[[Mapping[str, Any]], T]


def reusable(artifact: Artifact, policy: Policy, inputs: str, dependencies: str) -> bool:
    """The reuse test of DOMAIN §2.8."""
    if policy is Policy.NEVER or artifact.input_fingerprint != inputs:
        return False
    return policy is Policy.ALWAYS_SAFE or artifact.dependency_fingerprint == dependencies


def fingerprint(*parts: str) -> str:
    """The first 16 hex digits of a SHA-256 over the parts."""
    return ids.digest(*parts)[:FINGERPRINT_HEX]


class Shelf:
    """The artifacts within reach of one attempt, those of its own restarts included.

    `now` is a monotonic clock in seconds. Results whose phase took less than the setting are not kept.
    """

    def __init__(
        self,
        found: Iterable[Artifact],
        output: Output,
        settings: ArtifactSettings,
        counts: ReuseCounts,
        now: Callable[[], float],
    ) -> None:
        self._found = {artifact.name: artifact for artifact in found}
        self._output = output
        self._settings = settings
        self._counts = counts
        self._now = now

    async def take_or(
        self,
        kind: Kind[T],
        inputs: Callable[[], Sequence[str]],
        dependencies: Sequence[str],
        work: Callable[[], Awaitable[T]],
    ) -> T:
        """The phase's result: reused, or worked out and kept if that took long."""
        kept = self._found.get(kind.name)
        if kept is not None:
            result = self._applied(kind, kept, fingerprint(*inputs()), fingerprint(*dependencies))
            if result is not None:
                return result
        began = self._now()
        made = await work()
        if (self._now() - began) * 1000 >= self._settings.worth_ms:
            await self._keep(kind, made, inputs, dependencies)
        return made

    def _applied(self, kind: Kind[T], kept: Artifact, inputs: str, dependencies: str) -> T | None:
        if not reusable(kept, POLICIES[kind.phase], inputs, dependencies):
            self._counts.count(kind.phase, Verdict.MISS)
            return None
        try:
            result = kind.read(canonical_json.loads(kept.data_json))
        except (KeyError, TypeError, ValueError):
            del self._found[kind.name]
            self._counts.count(kind.phase, Verdict.INVALID)
            return None
        self._counts.count(kind.phase, Verdict.HIT)
        return result

    async def _keep(
        self, kind: Kind[T], made: T, inputs: Callable[[], Sequence[str]], dependencies: Sequence[str]
    ) -> None:
        data = kind.write(made)
        if data is None:
            return
        text = canonical_json.dumps(data)
        if len(text.encode()) > self._settings.max_bytes:
            return
        artifact = Artifact(kind.name, text, fingerprint(*inputs()), fingerprint(*dependencies))
        self._found[kind.name] = artifact
        await self._output.offer(artifact)
