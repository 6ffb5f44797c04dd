"""The shipped thresholds are those that the calibration finds, and they separate its examples."""

import pytest

from benchmarks.embedding_calibration import examples, limits, scores
from benchmarks.embedding_calibration.examples import Site
from focal_embedding.hashed import THRESHOLDS, HashedEmbedder


async def test_the_shipped_thresholds_are_the_calibrated_ones() -> None:
    embedder = HashedEmbedder()
    languages = examples.load()
    steps = [await scores.cosine(embedder, step) for sites in languages for step in sites.steps]
    transition = limits.best_f1(steps)
    found = {
        "rule": limits.best_f1([await scores.hybrid(embedder, s.rules) for s in languages]),
        "scenario_entry": limits.best_f1([await scores.cosine(embedder, s.scenarios) for s in languages]),
        "transition": transition,
        "sanity": limits.sanity(steps, transition),
        "margin": limits.best_margin(steps, transition),
        "relocalization": limits.best_f1(
            [await scores.cosine(embedder, s.relocalization) for s in languages]
        ),
    }
    assert vars(THRESHOLDS) == pytest.approx(found, abs=0.006)


async def test_rules_are_separated_in_every_language() -> None:
    for sites in examples.load():
        reached = limits.separation([await scores.hybrid(HashedEmbedder(), sites.rules)], THRESHOLDS.rule)
        assert reached.auc > 0.9, sites.language


async def test_a_message_that_shares_no_word_has_no_lexical_score() -> None:
    site = Site({"a": "refund", "b": "invoice"}, (examples.Message("zebra", frozenset()),))
    assert (await scores.hybrid(HashedEmbedder(), site)).score.max() < 0.3
