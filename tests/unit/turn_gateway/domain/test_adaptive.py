from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_turn_gateway.domain.accumulation import AggregationReason, Hint, Rhythm, Situation
from focal_turn_gateway.domain.adaptive import Adaptive, Figures, percentile, typical_ms
from focal_turn_gateway.domain.channel_catalogue import known as registered

PLAIN = "I would like to return the blue shoes"
POLICY = Adaptive(Figures())
NOTHING = Rhythm()


def pause(text: str, base_ms: int = 1200, rhythm: Rhythm = NOTHING, policy: Adaptive = POLICY) -> int:
    return policy.window(Situation(text, base_ms, rhythm)).pause_ms


@pytest.mark.parametrize(
    ("text", "added_ms"),
    [
        ("hi", 500),
        ("I would like to,", 400),
        ("I want to return order #", 600),
        ("blue shoes", 200),
        (PLAIN, 0),
        ("Where are my shoes?", -300),
    ],
)
def test_the_shape_of_the_text_changes_the_base_by_its_figure(text: str, added_ms: int) -> None:
    assert pause(text) == 1200 + added_ms


def test_a_complete_text_is_floored_at_the_minimum_before_the_cadence_is_blended_in() -> None:
    slow = Rhythm(gaps_ms=(1000,) * 5)
    assert pause("Where are my shoes?", 400) == 200
    assert pause("Where are my shoes?", 400, slow) == round(0.6 * 200 + 0.4 * 1000)


def test_from_the_fifth_gap_on_two_fifths_of_the_window_are_the_customers_own() -> None:
    assert pause(PLAIN, 1000, Rhythm(gaps_ms=(4000,) * 4)) == 1000
    assert pause(PLAIN, 1000, Rhythm(gaps_ms=(4000,) * 5)) == round(0.6 * 1000 + 0.4 * 4000)
    assert pause(PLAIN, 1000, Rhythm(gaps_ms=(300,) * 5)) == round(0.6 * 1000 + 0.4 * 300)


def test_the_typical_gap_is_the_mean_of_median_and_95th_percentile() -> None:
    gaps = list(range(0, 2100, 100))
    assert percentile(gaps, 0.5) == 1000
    assert percentile(gaps, 0.95) == 1900
    assert typical_ms(gaps) == 1450
    assert percentile([7], 0.95) == 7


def test_the_previous_turns_hint_lengthens_the_window_and_is_named_as_the_reason() -> None:
    awaiting = Rhythm(hint=Hint(awaiting_required_field=True))
    follow_up = Rhythm(hint=Hint(expects_followup=True))
    assert pause(PLAIN, 600, awaiting) == 1600
    assert pause(PLAIN, 600, follow_up) == 1100
    window = POLICY.window(Situation(PLAIN, 600, awaiting))
    assert window.reason is AggregationReason.PIPELINE_HINT


def test_a_hint_that_changed_nothing_is_not_the_reason() -> None:
    awaiting = Rhythm(hint=Hint(awaiting_required_field=True), gaps_ms=(20_000,) * 5)
    assert POLICY.window(Situation(PLAIN, 1200, awaiting)).reason is AggregationReason.ADAPTIVE


def test_from_the_second_message_on_the_window_shrinks_by_a_fifth_each() -> None:
    pauses = [pause(PLAIN, 1000, Rhythm(earlier_count=n)) for n in range(4)]
    assert pauses == [1000, 800, 640, 512]


def test_the_window_stays_between_minimum_and_maximum() -> None:
    assert pause("Where are my shoes?", 300) == 200
    assert pause(PLAIN, 1000, Rhythm(earlier_count=500)) == 200
    everything = Rhythm(gaps_ms=(60_000,) * 5, hint=Hint(True, True))
    assert pause("hi", 1200, everything) == 3000


@pytest.mark.parametrize("channel", ["email", "voice", "api"])
def test_a_channel_without_a_base_answers_at_once_whatever_else_is_known(channel: str) -> None:
    known = Rhythm(gaps_ms=(20_000,) * 9, hint=Hint(True, True), earlier_count=3)
    window = POLICY.window(Situation("and then...", registered(channel).policy.window_ms, known))
    assert (window.pause_ms, window.reason) == (0, AggregationReason.CHANNEL)
    assert not POLICY.reads_rhythm(registered(channel).policy.window_ms)


def test_the_reason_says_whether_the_text_was_judged_complete() -> None:
    reasons = [POLICY.window(Situation(text, 800)).reason for text in ("It broke.", PLAIN, "well,", "shoes")]
    assert reasons == [
        AggregationReason.ADAPTIVE,
        AggregationReason.ADAPTIVE,
        AggregationReason.TIMEOUT,
        AggregationReason.TIMEOUT,
    ]


def test_the_latest_text_is_judged_and_not_the_first() -> None:
    first = Rhythm(earlier=("hi",), earlier_count=1)
    assert pause("Where are my shoes?", 1000, first) == round(700 * 0.8)


def test_another_figure_changes_the_window() -> None:
    assert pause("hi", 1000, policy=Adaptive(replace(Figures(), greeting_ms=50))) == 1050


@given(
    st.text(max_size=200),
    st.integers(0, 5000),
    st.lists(st.integers(0, 30_000), max_size=20),
    st.integers(0, 1000),
    st.booleans(),
    st.booleans(),
)
def test_whatever_comes_in_the_window_is_zero_exactly_without_a_base_and_else_within_its_limits(
    text: str, base_ms: int, gaps: list[int], earlier: int, awaiting: bool, follow_up: bool
) -> None:
    rhythm = Rhythm(tuple(gaps), (), earlier, Hint(awaiting, follow_up))
    chosen = pause(text, base_ms, rhythm)
    assert chosen == 0 if base_ms == 0 else 200 <= chosen <= 3000
