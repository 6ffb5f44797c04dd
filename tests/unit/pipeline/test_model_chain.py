import asyncio
from typing import Any

import pytest

from focal_pipeline import errors
from focal_pipeline.core import model_chain
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.domain.bundle import Agent, ModelSettings
from focal_pipeline.domain.models import Said
from focal_pipeline.settings import CallSite, LlmSettings
from tests.fakes import pipeline as fakes

PROMPT = (Said("system", "be brief"), Said("user", "hello"))
BROKEN = errors.ModelFailed("large", "http_500")


def settings(**more: Any) -> LlmSettings:
    return LlmSettings(model="large", fallback_models=("small",), base_url="http://model", **more)


class Asking:
    """A chain of `large` and `small` with its fakes at hand."""

    def __init__(self, *, agent: Agent | None = None, llm: LlmSettings | None = None, **answers: Any) -> None:
        self.models, self.output = fakes.Models(answers), fakes.Output()
        self.chain = ModelChain(self.models, llm or settings(), agent or Agent("desk"), self.output)

    async def reply(self) -> str | None:
        return await self.chain.reply("generation", PROMPT, self.output.shown())


async def test_the_first_model_that_answers_is_the_last_asked() -> None:
    asking = Asking(large="Hi!", small="never")
    assert await asking.reply() == "Hi!"
    assert [request.model for request in asking.models.requests] == ["large"]


async def test_a_failure_is_reported_and_the_next_model_asked() -> None:
    asking = Asking(large=BROKEN, small="Hi!")
    assert await asking.reply() == "Hi!"
    assert [e.payload for e in asking.output.events] == [
        {"model": "large", "reason": "http_500", "site": "generation"}
    ]


async def test_when_all_fail_there_is_no_reply() -> None:
    asking = Asking(large=BROKEN, small=BROKEN)
    assert await asking.reply() is None
    assert asking.chain.usage.llm_calls == 2
    assert asking.chain.usage.models == ()


async def test_an_empty_answer_is_a_failure() -> None:
    asking = Asking(large="  ", small="Hi!")
    assert await asking.reply() == "Hi!"
    assert asking.output.events[0].payload["reason"] == "empty"


async def test_after_a_cut_the_next_model_shows_nothing_and_its_text_is_the_reply() -> None:
    asking = Asking(large=["Let me ", errors.StreamCut("large")], small=["We ", "open at nine."])
    assert await asking.reply() == "We open at nine."
    assert asking.output.texts == ["Let me "]


async def test_a_model_that_failed_before_its_first_word_leaves_the_stage_to_the_next() -> None:
    asking = Asking(large=[errors.StreamCut("large")], small=["We ", "open."])
    assert await asking.reply() == "We open."
    assert asking.output.texts == ["We ", "open."]


async def test_a_model_that_takes_too_long_is_left_and_its_stream_closed() -> None:
    asking = Asking(llm=settings(generation=CallSite(timeout_s=0.01)), large="late", small="late")
    asking.models.gate = asyncio.Event()
    assert await asking.reply() is None
    assert {e.payload["reason"] for e in asking.output.events} == {"timeout"}


async def test_calls_characters_and_tokens_are_summed() -> None:
    asking = Asking(large=BROKEN, small="Hi!")
    await asking.reply()
    usage = asking.chain.usage
    assert (usage.llm_calls, usage.prompt_characters) == (2, 2 * len("be briefhello"))
    assert (usage.prompt_tokens, usage.completion_tokens, usage.models) == (10, 5, ("small",))


async def test_an_object_that_fails_its_check_is_asked_of_the_next_model() -> None:
    asking = Asking(large={"a": 1}, small={"a": 2})

    def check(value: Any) -> Any:
        if value["a"] == 1:
            raise ValueError("no")
        return value

    assert await asking.chain.structured("collection", PROMPT, {}, check) == {"a": 2}
    assert asking.output.events[0].payload["reason"] == "off_schema"


async def test_a_chain_without_models_fails_at_once() -> None:
    chain = ModelChain(None, LlmSettings(), Agent("desk"), fakes.Output())
    assert chain.empty
    with pytest.raises(errors.ModelFailed):
        await chain.structured("collection", PROMPT, {}, dict)
    assert chain.usage.llm_calls == 0


async def test_the_bundles_settings_overrule_the_services_site_by_site() -> None:
    agent = Agent(
        "desk",
        models={
            "default": ModelSettings(models=("own",), temperature=0.1),
            "generation": ModelSettings(max_tokens=9),
        },
    )
    asking = Asking(agent=agent, own="Hi!")
    await asking.reply()
    request = asking.models.requests[0]
    assert (request.model, request.temperature, request.max_tokens, request.timeout_s) == ("own", 0.1, 9, 30)


def test_a_model_named_twice_is_asked_once() -> None:
    llm = LlmSettings(model="a", fallback_models=("b", "a"), base_url="http://model")
    assert model_chain.model_names(llm, Agent("desk"), "generation") == ("a", "b")


def test_a_model_without_an_endpoint_is_not_configured() -> None:
    assert model_chain.model_names(LlmSettings(model="a"), Agent("desk"), "generation") == ()
