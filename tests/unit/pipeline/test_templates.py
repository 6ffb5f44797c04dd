from typing import Any

from focal_pipeline.core import templates
from focal_pipeline.core.templates import Templates
from focal_pipeline.domain.bundle import Scenario, Scope, Step, Template, TemplateMode
from focal_pipeline.domain.course import Course
from focal_pipeline.domain.session import ScenarioInstance
from tests.fakes import pipeline as fakes

FALLBACK = TemplateMode.FALLBACK
COURSE = Course(Scenario("s", steps=(Step("one"),)), ScenarioInstance("s", "one"), ("one",))


def made(
    *items: Template, known: Any = None, scopes: tuple[str, ...] = (), language: str = "en"
) -> Templates:
    return Templates(fakes.compiled(templates=items), known or {}, scopes, language)


def test_the_first_alternative_whose_places_have_values_is_chosen() -> None:
    both = (Template("a", "Order {x}"), Template("b", "Which order?"))
    missing, found = made(*both).choose(["a", "b"]), made(*both, known={"x": 1}).choose(["a", "b"])
    assert missing is not None
    assert found is not None
    assert (missing.text, found.text) == ("Which order?", "Order 1")


def test_a_template_of_another_scope_is_passed_over() -> None:
    scoped = Template("a", "here", scope=Scope.STEP, scope_id="s#one")
    assert made(scoped).choose(["a"]) is None
    assert made(scoped, scopes=("s", "s#one")).choose(["a"]) is not None


def test_a_fallback_is_no_suggestion() -> None:
    assert made(Template("a", "sorry", mode=FALLBACK)).choose(["a", "gone"]) is None


def test_the_narrowest_fallback_is_taken() -> None:
    items = (
        Template("a", "anywhere", mode=FALLBACK),
        Template("b", "scenario", mode=FALLBACK, scope=Scope.SCENARIO, scope_id="s"),
        Template("c", "step {x}", mode=FALLBACK, scope=Scope.STEP, scope_id="s#one"),
    )
    assert made(*items).fallback(None) == "anywhere"
    assert made(*items).fallback(COURSE) == "scenario"
    assert made(*items, known={"x": 1}).fallback(COURSE) == "step 1"


def test_a_translation_is_used_where_there_is_one() -> None:
    template = Template("a", "Hello", translations={"de": "Hallo"})
    german, french = made(template, language="de").choose(["a"]), made(template, language="fr").choose(["a"])
    assert german is not None
    assert french is not None
    assert (german.text, french.text) == ("Hallo", "Hello")


def test_doubt_and_failure_are_worded_by_the_bundle_or_else_by_us() -> None:
    named = made(Template("pay_in_doubt", "The bank is slow."), Template("failed", "That was nothing."))
    assert named.in_doubt("pay") == "The bank is slow."
    assert named.in_doubt("send") == templates.IN_DOUBT
    assert named.failed("pay") == "That was nothing."
    assert made().failed("pay") == templates.FAILED
