from typing import Any

import pytest

from focal_pipeline import errors
from focal_pipeline.core import generation
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.response_plan import ResponsePlan, ResponseType
from focal_pipeline.domain.bundle import Agent
from focal_pipeline.domain.turn import Outcome
from focal_pipeline.settings import LlmSettings
from tests.fakes import pipeline as fakes

ANSWER = ResponseType.ANSWER
LLM = LlmSettings(model="large", base_url="http://model")


async def write(
    plan: ResponsePlan, answer: Any = None, agent: Agent | None = None
) -> tuple[generation.Reply, fakes.Output]:
    output, turn, agent = fakes.Output(), fakes.make_turn("hello"), agent or Agent("desk")
    models = None if answer is None else fakes.Models({"large": answer})
    chain = ModelChain(models, LLM, agent, output)
    task = generation.Task(agent, plan, turn.text, {}, [])
    prompts = Prompts(turn, fakes.compiled())
    return await generation.write(task, chain, prompts, output.shown()), output


async def test_a_fixed_text_asks_nobody() -> None:
    reply, output = await write(ResponsePlan(ANSWER, fixed="Paid."), "never")
    assert (reply.text, reply.model, output.texts) == ("Paid.", "", ["Paid."])


async def test_a_models_reply_is_shown_as_it_comes() -> None:
    reply, output = await write(ResponsePlan(ANSWER), ["Good ", "day."])
    assert (reply.text, output.texts) == ("Good day.", ["Good ", "day."])


async def test_the_offline_model_is_the_last_rung() -> None:
    plan = ResponsePlan(ANSWER, suggestions=("We open at nine.",))
    reply, output = await write(plan, errors.ModelFailed("large", "http_500"))
    assert (reply.text, reply.model, output.texts) == ("We open at nine.", "offline", ["We open at nine."])


async def test_after_a_cut_stream_the_offline_model_shows_nothing_more() -> None:
    plan = ResponsePlan(ANSWER, suggestions=("We open at nine.",))
    reply, output = await write(plan, ["We", errors.StreamCut("large")])
    assert (reply.text, output.texts) == ("We open at nine.", ["We"])


@pytest.mark.parametrize(
    ("plan", "agent", "text"),
    [
        (ResponsePlan(ANSWER, fallback="Call us."), Agent("desk", error_reply="Sorry."), "Call us."),
        (ResponsePlan(ANSWER), Agent("desk", error_reply="Sorry."), "Sorry."),
        (ResponsePlan(ANSWER), Agent("desk"), generation.LAST_WORDS),
    ],
)
async def test_with_nothing_to_say_the_last_words_are_the_bundles_or_ours(
    plan: ResponsePlan, agent: Agent, text: str
) -> None:
    reply, _ = await write(plan, agent=agent)
    assert (reply.text, reply.outcome) == (text, Outcome.UNRESOLVED)
