"""The example must hold a conversation without any model: hashed embedding, shipped thresholds.

Scores are those of DOMAIN §5.1: 0.7·cosine + 0.3·normalised BM25 for rules, the best cosine for
entry conditions.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.domain import lexical, retrieval
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_embedding import words
from focal_embedding.hashed import HashedEmbedder

FOLDER = Path(__file__).parents[3] / "examples" / "returns_desk"
EMBEDDER = HashedEmbedder()


@cache
def bundle() -> AuthoredBundle:
    files = [
        SourceFile(path.relative_to(FOLDER).as_posix(), path.read_text()) for path in FOLDER.rglob("*.yaml")
    ]
    read = reading.read(files, Limits())
    assert read.problems == ()
    assert read.bundle is not None
    return read.bundle


def matched_rules(message: str) -> set[str]:
    """Rules of every scope over the threshold."""
    texts = {key: text for key, text in retrieval.texts(bundle()).items() if retrieval.is_rule(key)}
    query = EMBEDDER.vector(message)
    cosine = np.array([max(0.0, EMBEDDER.vector(text) @ query) for text in texts.values()])
    scores = 0.7 * cosine + 0.3 * _normalised_bm25(texts, message)
    over = EMBEDDER.thresholds.rule
    return {key.removeprefix("rule:") for key, score in zip(texts, scores, strict=True) if score >= over}


def starts_a_return(message: str) -> bool:
    texts = [text for key, text in retrieval.texts(bundle()).items() if key.startswith("entry:")]
    best = max(EMBEDDER.vector(text) @ EMBEDDER.vector(message) for text in texts)
    return bool(best >= EMBEDDER.thresholds.scenario_entry)


def found_in(name: str, message: str) -> Any:
    """A variable's value in a text, as the pipeline finds it: by its pattern, or by the last of its
    synonyms.
    """
    variable = bundle().variables[name]
    if variable.pattern:
        match = re.search(variable.pattern, message)
        return match[1] if match else None
    meanings = {
        word.lower(): variable.read(value) for value, said in variable.synonyms.items() for word in said
    }
    words_by_length = sorted(meanings, key=len, reverse=True)
    pattern = rf"(?<!\w)({'|'.join(map(re.escape, words_by_length))})(?!\w)"
    found = re.findall(pattern, message, re.IGNORECASE)
    return meanings[found[-1].lower()] if found else None


def _normalised_bm25(texts: Mapping[str, str], message: str) -> Any:
    index = lexical.build(list(texts), [words.split(text) for text in texts.values()])
    scores = np.zeros(len(texts))
    for word in set(words.split(message)) & set(index.terms):
        row = index.terms.index(word)
        postings = slice(index.offsets[row], index.offsets[row + 1])
        scores[index.documents[postings]] += index.weights[postings]
    if not scores.max():
        return scores
    return (scores - scores.min()) / (scores.max() - scores.min())


@pytest.mark.parametrize(
    "message",
    [
        "Hi! I'd like to return order 10003",
        "I want to return order 10003",
        "I would like to return an item from order 10001, it is too small",
        "can I send this back",
        "I'd like to send back my jacket, it doesn't fit",
        "the kettle I ordered is defective, I want to return it",
        "I want a refund",
        "I want to return order 10004, changed my mind",
        "return order 10003 because it's the wrong size",
        "I'd like to return order 10012, the dress is too small",
        "I need to return my shoes",
        "I want my money back",
        "refund order 10003 please",
        "actually I want to return order 10003 instead",
    ],
)
def test_a_wish_to_return_starts_the_return_and_nothing_else(message: str) -> None:
    assert starts_a_return(message)
    assert matched_rules(message) <= {"how_long_a_refund_takes"}  # heard only in its own step


def test_a_wish_to_return_something_broken_starts_the_return_and_gets_a_word_of_regret() -> None:
    message = "I'd like to return order 10003, it arrived broken."
    assert starts_a_return(message)
    assert matched_rules(message) == {"damaged_item"}


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("where is my order 10001?", "order_status"),
        ("Where's my order?", "order_status"),
        ("what's the status of order 10004", "order_status"),
        ("has my order shipped yet?", "order_status"),
        ("when will my parcel arrive", "order_status"),
        ("my order is 10008", "order_status"),
        ("can you trace my parcel?", "trace_parcel"),
        ("trace my parcel, order 10004", "trace_parcel"),
        ("Please trace my parcel, the order is 10014.", "trace_parcel"),
        ("Sorry, I meant order 10004. Please trace that parcel.", "trace_parcel"),
        ("Please book a courier for order 10003.", "book_pickup"),
        ("Please book a courier for order 10003.\nSorry, I meant order 10001.", "book_pickup"),
        ("Hello!\nWhere is my order 10001?", "order_status"),
        ("please cancel my order", "cancel_order"),
        ("how long does shipping take", "shipping_times"),
        ("how long do I have to return something", "return_window"),
        ("is returning free", "return_cost"),
        ("it arrived broken", "damaged_item"),
        ("my mug arrived broken", "damaged_item"),
        ("what are your opening hours", "opening_hours"),
        ("are you open on Sunday?", "opening_hours"),
        ("hello", "greeting"),
        ("Hi there!", "greeting"),
        ("good morning", "greeting_by_daytime"),
        ("thank you!", "thanks"),
        ("thanks a lot, bye", "many_thanks"),
        ("let me talk to a human", "human"),
        ("I want to speak to a real person", "human"),
    ],
)
def test_a_question_finds_its_rule_and_starts_nothing(message: str, rule: str) -> None:
    assert rule in matched_rules(message)
    assert not starts_a_return(message)


@pytest.mark.parametrize(
    "message", ["yes", "yes please", "no", "no, keep it", "10003", "what is the capital of France",
                "do you sell umbrellas", "tell me a joke"],
)  # fmt: skip
def test_answers_and_small_talk_find_nothing(message: str) -> None:
    assert matched_rules(message) == set()
    assert not starts_a_return(message)


@pytest.mark.parametrize(
    ("message", "name", "value"),
    [
        ("Hi! I'd like to return order 10003", "order_id", "10003"),
        ("order #10003, please", "order_id", "10003"),
        ("order number:10003.", "order_id", "10003"),
        ("call me at 004912345678", "order_id", None),
        ("it arrived broken", "return_reason", "damaged"),
        ("They are too small", "return_reason", "wrong_size"),
        ("I changed my mind", "return_reason", "changed_mind"),
        ("Es ist kaputt", "return_reason", "damaged"),
        ("yes please", "refund_confirmed", True),
        ("Ja, gerne", "refund_confirmed", True),
        ("sí", "refund_confirmed", True),
        ("no, keep it", "refund_confirmed", False),
        ("No thanks", "refund_confirmed", False),
        ("Nein", "refund_confirmed", False),
        ("what does that mean?", "refund_confirmed", None),
    ],
)
def test_values_are_found_in_what_customers_write(message: str, name: str, value: object) -> None:
    assert found_in(name, message) == value


@pytest.mark.parametrize(
    "message",
    ["I'm not sure", "are you sure?", "is that ok?", "don't do it", "please don't go ahead", "I don't agree",
     "that is not correct", "no, not yet", "pas d'accord", "yes, no, wait", "yesterday"],
)  # fmt: skip
def test_no_money_is_paid_on_a_doubtful_word(message: str) -> None:
    assert found_in("refund_confirmed", message) is not True


def test_a_yes_counts_only_when_it_was_asked_for_and_is_forgotten_afterwards() -> None:
    confirmed = bundle().variables["refund_confirmed"]
    assert confirmed.only_when_asked
    assert confirmed.scenario_scoped


def test_the_refund_is_behind_a_checkpoint_and_takes_order_and_amount_from_one_look_up() -> None:
    steps = bundle().scenarios["return_order"].steps
    assert steps["confirm_refund"].checkpoint
    assert [step_id for step_id, step in steps.items() if "refund" in {way.to for way in step.next}] == [
        "confirm_refund"
    ]
    [look_up] = steps["confirm_refund"].tools
    [refund] = steps["refund"].tools
    assert {name.strip("{}") for name in refund.arguments.values()} <= look_up.results.keys()
