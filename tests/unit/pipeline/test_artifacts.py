from collections.abc import Mapping
from typing import Any

import pytest

from focal_pipeline.core.artifacts import Kind, Policy, Shelf, fingerprint, reusable
from focal_pipeline.domain.turn import Artifact
from focal_pipeline.ports import Verdict
from focal_pipeline.settings import ArtifactSettings
from tests.fakes import pipeline as fakes

HERE, THERE = fingerprint("here"), fingerprint("there")


@pytest.mark.parametrize(
    ("policy", "inputs", "dependencies", "may"),
    [
        (Policy.NEVER, HERE, HERE, False),
        (Policy.ALWAYS_SAFE, HERE, HERE, True),
        (Policy.ALWAYS_SAFE, HERE, THERE, True),
        (Policy.ALWAYS_SAFE, THERE, HERE, False),
        (Policy.CONDITIONAL, HERE, HERE, True),
        (Policy.CONDITIONAL, HERE, THERE, False),
        (Policy.CONDITIONAL, THERE, HERE, False),
    ],
)
def test_the_reuse_test(policy: Policy, inputs: str, dependencies: str, may: bool) -> None:
    assert reusable(Artifact("a", "{}", HERE, HERE), policy, inputs, dependencies) is may


def read(data: Mapping[str, Any]) -> str:
    if data["text"] == "unfit":
        raise ValueError
    return str(data["text"])


KIND: Kind[str] = Kind("draft", "P9", lambda text: {"text": text} if text != "worthless" else None, read)


class Place:
    """A shelf and a phase that takes `seconds`."""

    def __init__(self, *found: Artifact, seconds: float = 1.0, **settings: Any) -> None:
        self.output, self.counted = fakes.Output(), list[tuple[str, Verdict]]()
        self.seconds, self.clock, self.worked = seconds, 0.0, 0
        self.shelf = Shelf(found, self.output, ArtifactSettings(**settings), self, lambda: self.clock)

    def count(self, phase: str, verdict: Verdict) -> None:
        self.counted.append((phase, verdict))

    async def phase(self, text: str = "made", inputs: str = "in", version: str = "1") -> str:
        async def work() -> str:
            self.clock += self.seconds
            self.worked += 1
            return text

        return await self.shelf.take_or(KIND, lambda: (inputs,), (version,), work)


def kept(text: str = "kept", inputs: str = "in", version: str = "1") -> Artifact:
    return Artifact("draft", f'{{"text":"{text}"}}', fingerprint(inputs), fingerprint(version))


async def test_what_is_there_is_not_worked_out_again() -> None:
    place = Place(kept())
    assert await place.phase() == "kept"
    assert (place.worked, place.counted) == (0, [("P9", Verdict.HIT)])


@pytest.mark.parametrize("found", [kept(inputs="other"), kept(version="2")])
async def test_what_belongs_to_another_input_or_version_is_worked_out(found: Artifact) -> None:
    place = Place(found)
    assert await place.phase() == "made"
    assert place.counted == [("P9", Verdict.MISS)]


@pytest.mark.parametrize("data", ['{"text":"unfit"}', "{}", "not json", "[1]", "null"])
async def test_what_is_not_fit_for_use_is_dropped_and_worked_out(data: str) -> None:
    place = Place(Artifact("draft", data, fingerprint("in"), fingerprint("1")), seconds=0)
    assert await place.phase() == "made"
    assert await place.phase() == "made"
    assert place.counted == [("P9", Verdict.INVALID)]
    assert place.worked == 2


async def test_a_result_that_took_long_is_offered_and_reused_by_a_restart() -> None:
    place = Place()
    assert await place.phase("first") == "first"
    assert await place.phase("second") == "first"
    assert place.output.offered == [kept("first")]
    assert place.counted == [("P9", Verdict.HIT)]


async def test_a_quick_result_costs_nobody_anything() -> None:
    place = Place(seconds=0.049)
    await place.phase()
    assert place.output.offered == []
    assert place.counted == []


@pytest.mark.parametrize("text", ["worthless", "x" * 200])
async def test_a_result_without_worth_or_too_large_is_not_offered(text: str) -> None:
    place = Place(max_bytes=100)
    await place.phase(text)
    assert place.output.offered == []
