from focal_pipeline.core.prompts import Prompts
from focal_pipeline.core.response_plan import ResponsePlan, ResponseType
from focal_pipeline.domain.bundle import Agent, Variable
from focal_pipeline.domain.turn import Cause, Exchange
from focal_pipeline.ports import Recalled
from tests.fakes import pipeline as fakes

AGENT = Agent(
    fakes.AGENT, system_prompt="You sell hats.", glossary=(("brim", "the edge"),), default_language="de"
)
VARIABLES = [Variable("size"), Variable("iban", pii=True), Variable("unknown")]
PLAN = ResponsePlan(
    ResponseType.ASK, suggestions=("Nice hat.",), asks=("Which size?",), guidance=("Be brief.",)
)


def system(plan: ResponsePlan = PLAN) -> str:
    turn = fakes.make_turn("hello")
    prompts = Prompts(turn, fakes.compiled(agent=AGENT, variables=VARIABLES))
    known = {"size": 7, "iban": "DE00 1234"}
    return prompts.for_reply(plan, known, [Recalled("likes red", "customer")])[0].content


def test_the_prompt_holds_what_the_reply_is_written_from() -> None:
    prompt = system()
    for part in (
        "You sell hats.",
        "brim: the edge",
        "Be brief.",
        "Nice hat.",
        "Which size?",
        "likes red",
        "(de ",
    ):
        assert part in prompt


def test_personal_values_are_only_known_to_be_known() -> None:
    assert "size: 7" in system()
    assert "iban: known" in system()
    assert "DE00" not in system()


def test_empty_sections_are_left_out() -> None:
    assert "Results of tools" not in system()


def test_a_very_long_result_is_cut() -> None:
    assert len(system(ResponsePlan(ResponseType.ANSWER, results=("x" * 9000,)))) < 6000


def test_history_comes_before_the_customers_words() -> None:
    turn = fakes.make_turn("and blue?", history=(Exchange("red?", "sold out"),))
    said = Prompts(turn, fakes.compiled()).for_reply(PLAN, {}, [])[1:]
    assert [(s.role, s.content) for s in said] == [
        ("user", "red?"),
        ("assistant", "sold out"),
        ("user", "and blue?"),
    ]


def test_a_turn_without_a_message_says_what_opened_it() -> None:
    turn = fakes.make_turn(cause=Cause.TIMER, trigger={"due": "now"})
    assert (
        Prompts(turn, fakes.compiled()).for_reply(PLAN, {}, [])[-1].content
        == '(No message; timer: {"due":"now"})'
    )


def test_a_message_that_came_to_a_triggered_turn_is_said_together_with_what_opened_it() -> None:
    turn = fakes.make_turn("where is it?", cause=Cause.TIMER, trigger={"text": "parcel late"})
    said = Prompts(turn, fakes.compiled()).for_reply(PLAN, {}, [])[-1].content
    assert said == '(No message; timer: {"text":"parcel late"})\nwhere is it?'
    assert turn.told == "parcel late\nwhere is it?"
    assert turn.text == "where is it?"


def test_only_what_the_customer_wrote_counts_as_written() -> None:
    turn = fakes.make_turn("Order ABC-7", history=(Exchange("size 42", "we have 43"),))
    prompts = Prompts(turn, fakes.compiled())
    assert prompts.was_written("abc-7")
    assert prompts.was_written(42)
    assert not prompts.was_written(43)
