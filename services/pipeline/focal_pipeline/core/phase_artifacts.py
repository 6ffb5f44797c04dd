"""What the artifacts of P4, P6 and P9 hold, and what makes one of them fit for use."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from focal_kernel import canonical_json
from focal_pipeline.core import retrieval
from focal_pipeline.core.artifacts import Kind
from focal_pipeline.core.collection import Collection
from focal_pipeline.core.generation import Reply, Task
from focal_pipeline.core.known import Known
from focal_pipeline.core.retrieval import Retrieved
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.core.tool_plan import StoredPlan
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.turn import Outcome, Turn
from focal_pipeline.ports import Recalled


def of_retrieval(turn: Turn, runtime: AgentRuntime, dimensions: int) -> Kind[Retrieved]:
    """The text's vector and what memory recalled; the scores follow from them and the bundle."""

    def write(found: Retrieved) -> Mapping[str, Any] | None:
        if not found.whole:
            return None
        vector = base64.b64encode(np.asarray(found.query, "<f4").tobytes()).decode()
        return {"vector": vector, "recalled": [[r.content, r.speaker] for r in found.recalled]}

    def read(data: Mapping[str, Any]) -> Retrieved:
        vector = np.frombuffer(base64.b64decode(data["vector"], validate=True), "<f4")
        if vector.shape != (dimensions,) or not np.isfinite(vector).all():
            raise ValueError("a vector of another embedding")
        recalled = tuple(Recalled(str(content), str(speaker)) for content, speaker in data["recalled"])
        return dataclasses.replace(retrieval.scored(runtime, turn.text, vector), recalled=recalled)

    return Kind("retrieval", "P4", write, read)


def retrieval_inputs(turn: Turn) -> tuple[str, ...]:
    """What P4 reads."""
    return (turn.customer_id, turn.text)


def of_orchestration(
    collection: Collection, known: Known, runtime: AgentRuntime, config_version: int
) -> Kind[Course | None]:
    """The values found in the text and the course they led to."""

    def write(course: Course | None) -> Mapping[str, Any]:
        return {
            "values": dict(known.set_this_turn),
            "scenario": course.scenario.scenario_id if course else "",
            "path": list(course.path) if course else [],
            "started": bool(course and course.started),
            "low_confidence_turns": course.low_confidence_turns if course else 0,
        }

    def read(data: Mapping[str, Any]) -> Course | None:
        values, path, scenario_id = data["values"], tuple(data["path"]), data["scenario"]
        if not values.keys() <= runtime.readers.keys():
            raise ValueError("a value of no variable")
        if scenario_id and not (path and set(path) <= runtime.scenarios[scenario_id].by_id.keys()):
            raise ValueError("a path of no scenario")
        plan = StoredPlan(config_version, (), values, scenario_id, path, bool(data["started"]), ())
        course = collection.replayed(plan)
        if course is None:
            return None
        return dataclasses.replace(course, low_confidence_turns=int(data["low_confidence_turns"]))

    return Kind("orchestration", "P6", write, read)


def orchestration_inputs(turn: Turn) -> tuple[str, ...]:
    """What P6 reads: the texts, one by one, and what was known before them."""
    return (
        repr(turn.state),
        canonical_json.dumps(dict(turn.customer_data)),
        repr(turn.history),
        *(message.text for message in turn.messages),
    )


def of_draft() -> Kind[Reply]:
    """The words of the reply."""

    def write(reply: Reply) -> Mapping[str, Any]:
        return {"text": reply.text, "outcome": reply.outcome.value, "model": reply.model}

    def read(data: Mapping[str, Any]) -> Reply:
        text = data["text"]
        if not isinstance(text, str) or not text.strip():
            raise ValueError("no words")
        return Reply(text, Outcome(data["outcome"]), str(data["model"]))

    return Kind("draft", "P9", write, read)


def draft_inputs(turn: Turn, task: Task) -> Callable[[], tuple[str, ...]]:
    """What P9 reads: the plan and all that a prompt holds."""
    return lambda: (
        repr(task.plan),
        canonical_json.dumps(dict(task.known)),
        repr(tuple(task.recalled)),
        repr(turn.history),
        turn.text,
    )
