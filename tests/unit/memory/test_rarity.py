"""Which words of a question are looked up."""

from __future__ import annotations

import math

import pytest

from focal_memory.domain import rarity
from focal_memory.domain.rarity import Choice, Frequencies

COUNTED = Frequencies({"the": 0.8, "order": 0.04, "parcel": 0.01, "zebra": 0.004}, floor=0.002, episodes=1e6)


GRAMMAR = frozenset({"where", "is", "my"})


def _words(*words: str, frequencies: Frequencies = COUNTED) -> list[str]:
    return [found.word for found in rarity.choose(words, frequencies, Choice(), GRAMMAR)]


def test_the_rarest_words_come_first_and_common_ones_are_dropped() -> None:
    assert _words("the", "order", "zebra", "parcel") == ["zebra", "parcel", "order"]


def test_a_word_that_was_not_counted_is_the_rarest() -> None:
    assert _words("zebra", "quagga") == ["quagga", "zebra"]


def test_one_word_is_kept_however_common_it_is() -> None:
    assert _words("the") == ["the"]


def test_no_more_words_than_chosen_are_looked_up() -> None:
    counted = Frequencies({f"word{n}": 0.001 for n in range(20)}, floor=0.0001, episodes=1e6)
    assert len(_words(*counted.shares, frequencies=counted)) == 6
    assert len(_words(*(f"new{n}" for n in range(20)), frequencies=counted)) == 10


def test_words_that_may_not_occur_at_all_do_not_crowd_out_one_that_does() -> None:
    assert "zebra" in _words("zebra", *(f"unheard{n}" for n in range(20)))


def test_words_that_together_match_too_many_episodes_are_dropped() -> None:
    common = Frequencies({f"w{n}": 0.04 for n in range(6)}, floor=0.01, episodes=1e6)
    assert len(_words(*common.shares, frequencies=common)) == 2


def test_in_a_small_store_nothing_is_too_common() -> None:
    small = Frequencies({"the": 0.8, "order": 0.4}, floor=0.1, episodes=50)
    assert _words("the", "order", frequencies=small) == ["order", "the"]


def test_the_weight_is_the_logarithm_of_the_inverse_share() -> None:
    [found] = rarity.choose(["parcel"], COUNTED, Choice())
    assert found.weight == pytest.approx(math.log(100))


def test_a_word_in_every_episode_still_weighs_something() -> None:
    [found] = rarity.choose(["a"], Frequencies({"a": 1.0}, floor=1.0, episodes=1), Choice())
    assert 0 < found.weight < 0.01


def test_before_anything_is_counted_grammar_is_dropped_and_content_kept() -> None:
    assert _words("where", "is", "my", "parcel", frequencies=rarity.UNCOUNTED) == ["parcel"]


def test_a_count_overrules_what_is_assumed_of_grammar() -> None:
    counted = Frequencies({"is": 0.001, "parcel": 0.5}, floor=0.0001, episodes=1e6)
    assert _words("is", "parcel", frequencies=counted) == ["is"]


def test_of_equally_rare_words_the_longer_is_looked_up_first() -> None:
    assert _words("ab", "abcdef", "abcd") == ["abcdef", "abcd", "ab"]
