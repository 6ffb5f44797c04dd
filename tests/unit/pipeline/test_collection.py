from typing import Any

import numpy as np

from focal_embedding import Thresholds
from focal_pipeline.core.collection import Collection
from focal_pipeline.core.known import Known
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.retrieval import Retrieved
from focal_pipeline.core.scenarios import Scenarios
from focal_pipeline.core.tool_plan import StoredPlan
from focal_pipeline.domain.bundle import Agent, Scenario, Step, Transition, Variable
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance, SessionState
from focal_pipeline.domain.tools import Call, Origin, Ran
from focal_pipeline.settings import LlmSettings, ScenarioSettings
from tests.fakes import pipeline as fakes

STEPS = (
    Step("number", collects=("order_id",), transitions=(Transition("gift"),)),
    Step("gift", collects=("gift",), transitions=(Transition("check"),)),
    Step("check", collects=("ok",), is_checkpoint=True, transitions=(Transition("done"),)),
    Step("done", is_terminal=True),
)
YES = (True, ("yes",))
VARIABLES = [
    Variable("order_id", pattern=r"(\d{5})"),
    Variable("gift", type="boolean", synonyms=(YES,), only_when_asked=True),
    Variable("ok", type="boolean", synonyms=((True, ("agreed",)),), only_when_asked=True),
]
RUNTIME = fakes.compiled(
    scenarios=[Scenario("s", entry_conditions=("buy",), entry_step_id="number", steps=STEPS)],
    variables=VARIABLES,
)


class Collecting:
    """A collection with its fakes at hand."""

    def __init__(
        self, text: str, *, at: str = "", forced: bool = False, answer: Any = None, **known: Any
    ) -> None:
        instances = (ScenarioInstance("s", at, updated_at_turn=int(forced)),) if at else ()
        turn = fakes.make_turn(text, state=SessionState(scenarios=instances))
        self.known = Known({}, known)
        self.models = fakes.Models({"large": answer})
        llm = LlmSettings(model="large", base_url="http://model")
        model = None if answer is None else self.models
        chain = ModelChain(model, llm, Agent("desk"), fakes.Output())
        scenarios = Scenarios(RUNTIME, turn.state, Thresholds(), ScenarioSettings())
        prompts = Prompts(turn, RUNTIME)
        self.collection = Collection(
            turn, RUNTIME, self.known, scenarios, chain, prompts, pattern_timeout_s=1.0
        )

    async def path(self, entry: float = 0.9) -> tuple[str, ...]:
        query = np.zeros(fakes.EMBEDDER.dimensions, np.float32)
        course = await self.collection.choose(Retrieved(query, np.zeros(0, np.float32), {"s": entry}))
        return course.path if course else ()


async def test_values_in_the_text_carry_the_scenario_on() -> None:
    assert await Collecting("buy 12345").path() == ("number", "gift")


async def test_an_answer_may_come_before_its_question() -> None:
    assert await Collecting("yes, 12345").path() == ("number", "gift", "check")


async def test_a_checkpoint_takes_no_answer_given_before_it_was_reached() -> None:
    collecting = Collecting("12345, agreed", gift=True)
    assert await collecting.path() == ("number", "gift", "check")
    assert "ok" not in collecting.known.values


async def test_a_checkpoint_takes_the_answer_to_its_question() -> None:
    assert await Collecting("agreed", at="check").path() == ("check", "done")


async def test_a_checkpoint_that_an_operator_forces_takes_no_answer_from_before() -> None:
    collecting = Collecting("agreed", at="check", forced=True)
    assert await collecting.path() == ("check",)
    assert "ok" not in collecting.known.values


async def test_a_word_that_was_not_asked_for_means_nothing() -> None:
    collecting = Collecting("yes", at="check")
    assert await collecting.path() == ("check",)
    assert not collecting.known.values


async def test_a_model_reads_what_patterns_miss_in_one_call() -> None:
    collecting = Collecting("the usual one", at="number", answer={"order_id": "54321"})
    assert await collecting.path() == ("number", "gift")
    assert len(collecting.models.requests) == 1


async def test_no_model_answers_a_checkpoint_that_was_just_reached() -> None:
    collecting = Collecting("yes 12345", answer={"ok": True})
    assert await collecting.path() == ("number", "gift", "check")
    assert not collecting.models.requests


async def test_a_model_may_read_the_answer_to_a_checkpoint_that_was_asked() -> None:
    assert await Collecting("that is fine with me", at="check", answer={"ok": True}).path() == (
        "check",
        "done",
    )


def test_a_stored_plan_is_followed_and_not_judged_anew() -> None:
    plan = StoredPlan(1, ("m1",), {"order_id": "1"}, "s", ("number", "gift"), started=True, calls=())
    collecting = Collecting("something else")
    course = collecting.collection.replayed(plan)
    assert course is not None
    assert (course.path, course.started) == (("number", "gift"), True)
    assert collecting.known.values["order_id"] == "1"


def test_a_plan_made_behind_an_operators_move_is_followed_from_there() -> None:
    plan = StoredPlan(1, ("m1",), {}, "s", ("gift", "check"), started=True, calls=())
    course = Collecting("go on", at="gift", forced=True).collection.replayed(plan)
    assert course is not None
    assert (course.path, course.started, course.instance.step_id) == (("gift", "check"), True, "gift")


def test_what_nothing_was_found_under_is_asked_for_again() -> None:
    collecting = Collecting("12345", at="number", order_id="12345")
    course = Course(RUNTIME.scenarios["s"], ScenarioInstance("s", "number"), ("number", "gift"))
    missing = fakes.planned("look", origin=Origin(scenario_id="s", step_id="number"))
    call = Call("look", "{}", missing.policy, "grp_1")
    ran = [Ran(missing, call, fakes.failure("look", "order_not_found"))]
    held = collecting.collection.held_up(course, "number", ran)
    assert held.path == ("number",)
    assert "order_id" not in collecting.known.values


def test_another_failure_keeps_what_is_known() -> None:
    collecting = Collecting("12345", at="number", order_id="12345")
    course = Course(RUNTIME.scenarios["s"], ScenarioInstance("s", "number"), ("number", "gift"))
    failed = fakes.planned("look", origin=Origin(scenario_id="s", step_id="number"))
    ran = [Ran(failed, Call("look", "{}", failed.policy, "grp_1"), fakes.failure("look", "unreachable"))]
    collecting.collection.held_up(course, "number", ran)
    assert collecting.known.values["order_id"] == "12345"
