from typing import Any

from focal_pipeline.core.known import Known
from focal_pipeline.core.model_chain import ModelChain
from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.tool_arguments import Arguments
from focal_pipeline.domain.bundle import Agent, SideEffect, ToolBinding, Variable
from focal_pipeline.settings import LlmSettings
from tests.fakes import pipeline as fakes

SCHEMA = {
    "type": "object",
    "properties": {"order_id": {"type": "string", "pattern": "^[0-9]{5}$"}, "note": {"type": "string"}},
    "required": ["order_id"],
}
BINDING = ToolBinding("look", arguments={"order_id": "{order_id}"}, required_variables=("order_id",))
LLM = LlmSettings(model="large", base_url="http://model")


async def fill(
    answer: Any = None,
    *,
    text: str = "it is ##10003",
    policy: SideEffect = SideEffect.PURE,
    variable: Variable | None = None,
    binding: ToolBinding = BINDING,
    fills: int = 1,
    known: Known | None = None,
) -> tuple[str | None, fakes.Models, Known]:
    models = fakes.Models({"large": answer})
    known = known or Known({}, {})
    runtime = fakes.compiled(variables=[variable or Variable("order_id")])
    chain = ModelChain(models, LLM, Agent("desk"), fakes.Output())
    prompts = Prompts(fakes.make_turn(text), runtime)
    arguments = Arguments(chain, prompts, runtime.readers, known, fills=fills)
    filled = await arguments.fill(binding, fakes.tool("look", policy, parameter_schema=SCHEMA))
    return filled, models, known


async def test_variables_that_suffice_ask_no_model() -> None:
    filled, models, _ = await fill(known=Known({}, {"order_id": "10001"}))
    assert filled == '{"order_id":"10001"}'
    assert not models.requests


async def test_a_missing_value_that_the_customer_wrote_is_taken_and_learnt() -> None:
    filled, _, known = await fill({"order_id": "10003"})
    assert filled == '{"order_id":"10003"}'
    assert known.values["order_id"] == "10003"


async def test_a_value_that_the_customer_did_not_write_is_not_taken() -> None:
    filled, _, known = await fill({"order_id": "10004"})
    assert filled is None
    assert not known.values


async def test_a_value_off_schema_is_not_taken() -> None:
    assert (await fill({"order_id": "it"}))[0] is None


async def test_no_model_fills_what_cannot_be_undone() -> None:
    filled, models, _ = await fill({"order_id": "10003"}, policy=SideEffect.IRREVERSIBLE)
    assert filled is None
    assert not models.requests


async def test_no_model_fills_what_must_be_asked() -> None:
    _, models, _ = await fill({"order_id": "10003"}, variable=Variable("order_id", only_when_asked=True))
    assert not models.requests


async def test_a_condition_that_is_no_argument_is_not_filled() -> None:
    binding = ToolBinding("look", required_variables=("order_id",))
    assert (await fill({"order_id": "10003"}, binding=binding))[0] is None


async def test_the_number_of_tools_asked_about_is_limited() -> None:
    _, models, _ = await fill({"order_id": "10003"}, fills=0)
    assert not models.requests


async def test_what_variables_gave_is_not_overruled() -> None:
    binding = ToolBinding("look", arguments={"note": "{note}", "order_id": "{order_id}"})
    known = Known({}, {"note": "mine"})
    filled, _, _ = await fill({"order_id": "10003", "note": "theirs"}, binding=binding, known=known)
    assert filled == '{"note":"mine","order_id":"10003"}'


async def test_an_obligatory_argument_called_like_a_variable_is_taken_from_it() -> None:
    filled, _, _ = await fill(binding=ToolBinding("look"), known=Known({}, {"order_id": "10001"}))
    assert filled == '{"order_id":"10001"}'
