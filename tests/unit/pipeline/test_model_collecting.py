from decimal import Decimal
from typing import Any

import pytest

from focal_pipeline import errors
from focal_pipeline.core import model_collecting
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.domain.bundle import Agent, Variable
from focal_pipeline.settings import LlmSettings
from tests.fakes import pipeline as fakes

WANTED = [Variable("reason"), Variable("count", type="number"), Variable("day", type="date")]


async def read(answer: Any) -> Any:
    models = fakes.Models({"large": answer})
    llm = LlmSettings(model="large", base_url="http://model")
    chain = ModelChain(models, llm, Agent("desk"), fakes.Output())
    prompts = Prompts(fakes.make_turn("it broke"), fakes.compiled(variables=WANTED))
    return await model_collecting.read(chain, prompts, WANTED)


async def test_values_are_coerced_like_those_of_patterns() -> None:
    answer = {"reason": "broke", "count": Decimal("2.50"), "day": "24.12.2025"}
    assert await read(answer) == {"reason": "broke", "count": Decimal("2.50"), "day": "2025-12-24"}


async def test_what_the_customer_did_not_state_stays_open() -> None:
    assert await read({"reason": None, "count": 2, "day": None}) == {"count": 2}


@pytest.mark.parametrize(
    "answer",
    [
        {"reason": 7, "count": 2, "day": None},
        {"reason": "x"},
        {"reason": "x", "count": 1, "day": None, "more": 1},
        errors.ModelFailed("large", "http_500"),
    ],
)
async def test_an_answer_off_the_form_gives_nothing(answer: Any) -> None:
    assert await read(answer) == {}
