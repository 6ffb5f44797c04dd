import pytest

from focal_turn_gateway.domain.accumulation import AggregationReason, Fixed, Mode, Off, Situation, Window
from focal_turn_gateway.domain.adaptive import Adaptive, Figures
from focal_turn_gateway.domain.channel_catalogue import CATALOGUE
from focal_turn_gateway.settings.accumulation import Accumulation, AdaptiveWindow, LearntRhythm

BASES = [channel.policy.window_ms for channel in CATALOGUE]


def test_off_answers_at_once_on_every_channel() -> None:
    assert {Off().window(Situation("hello", base)) for base in BASES} == {Window(0, AggregationReason.OFF)}


def test_fixed_waits_the_same_on_every_channel() -> None:
    assert {Fixed(800).window(Situation("hello", base)) for base in BASES} == {
        Window(800, AggregationReason.TIMEOUT)
    }


def test_policies_that_judge_nothing_read_nothing() -> None:
    assert not Off().reads_rhythm(1200)
    assert not Fixed(800).reads_rhythm(1200)


def test_settings_choose_the_policy_and_adaptive_is_the_default() -> None:
    assert Accumulation(mode=Mode.OFF).policy() == Off()
    assert Accumulation(mode=Mode.FIXED, fixed_ms=70).policy() == Fixed(70)
    assert Accumulation().policy() == Adaptive(Figures())


def test_every_figure_of_the_adaptive_window_is_a_setting() -> None:
    changed = dict.fromkeys(AdaptiveWindow.model_fields, 1)
    chosen = Accumulation(adaptive=AdaptiveWindow(**changed)).policy()
    assert chosen == Adaptive(Figures(**changed))
    assert set(changed) == set(Figures.__slots__)


def test_limits_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="min_ms must not be above max_ms"):
        AdaptiveWindow(min_ms=301, max_ms=300)
    with pytest.raises(ValueError, match="gap_min_ms must not be above gap_max_ms"):
        LearntRhythm(gap_min_ms=11, gap_max_ms=10)
