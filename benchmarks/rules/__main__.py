"""What matching one message costs: CPU ms by number of rules, the best of a few rounds.

Run `.venv/bin/python -m benchmarks.rules [rounds]`. The target is 5 ms at 10,000 rules.
"""

from __future__ import annotations

import sys
import time

from focal_pipeline.core import retrieval, rule_filter
from focal_pipeline.core.runtime import AgentRuntime
from focal_pipeline.domain.bundle import Rule
from focal_pipeline.domain.session import SessionState
from focal_pipeline.settings import RuleSettings
from tests.fakes import pipeline

ROUNDS = 20
RULES = (10, 100, 1000, 10_000)
VOCABULARY, WORDS_PER_RULE = 2000, 8
TEXT = "where is word7 of word14 and word21"
THRESHOLD = 0.3


def runtime_of(rules: int) -> AgentRuntime:
    """A runtime whose rules share words with one another, as those of one agent do."""
    words = [f"word{n}" for n in range(VOCABULARY)]
    texts = [
        " ".join(words[(n * k) % VOCABULARY] for k in range(1, WORDS_PER_RULE + 1)) for n in range(rules)
    ]
    return pipeline.compiled(rules=[Rule(f"r{n:05}", text) for n, text in enumerate(texts)])


def best_ms(rounds: int, runtime: AgentRuntime) -> float:
    """CPU ms of the quickest round."""
    query = pipeline.EMBEDDER.vector(TEXT)
    spent = []
    for _ in range(rounds):
        began = time.thread_time()
        found = retrieval.scored(runtime, TEXT, query)
        rule_filter.match(runtime, found.hybrid, ("",), SessionState(), THRESHOLD, RuleSettings())
        spent.append((time.thread_time() - began) * 1000)
    return min(spent)


def main() -> None:
    """Print a row for each number of rules."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(f"{'rules':>8}{'ms':>8}")
    for rules in RULES:
        print(f"{rules:>8}{best_ms(rounds, runtime_of(rules)):>8.2f}")


if __name__ == "__main__":
    main()
