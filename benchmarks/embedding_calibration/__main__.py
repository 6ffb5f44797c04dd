"""Prints the limits for an embedding: `python -m benchmarks.embedding_calibration --help`."""

import argparse
import asyncio

from pydantic import SecretStr

from benchmarks.embedding_calibration import examples, limits, scores
from benchmarks.embedding_calibration.examples import Sites
from benchmarks.embedding_calibration.scores import Scores
from focal_embedding import Embedder, EmbeddingSettings, opened

FIT, HELD_OUT = slice(0, None, 2), slice(1, None, 2)
HEAD = (
    f"{'limit':<16}{'value':>7}{'pairs':>7}{'AUC':>7}"
    f"{'prec.':>8}{'recall':>8}{'held-out prec.':>16}{'recall':>8}"
)


def main() -> None:
    """Calibrates the embedding that the options name."""
    asyncio.run(_calibrate(_settings()))


def _settings() -> EmbeddingSettings:
    parser = argparse.ArgumentParser(prog="embedding_calibration")
    parser.add_argument("--provider", default="hashed", choices=("hashed", "openai", "fastembed"))
    parser.add_argument("--model", default="text-embedding-3-small")
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--base-url", help="root of an OpenAI-compatible API")
    parser.add_argument("--api-key", type=SecretStr)
    return EmbeddingSettings(**vars(parser.parse_args()))


async def _calibrate(settings: EmbeddingSettings) -> None:
    languages = examples.load()
    async with opened(settings) as embedder:
        scored = [await _scored(embedder, sites) for sites in languages]
        print(f"{embedder.model}, shipped: {embedder.thresholds}\n\n{HEAD}")
    found = {kind: _fit(kind, [p for s in scored for p in s[kind]]) for kind in scored[0]}
    _steps([part for s in scored for part in s["transition"]], found["transition"])
    for sites, parts in zip(languages, scored, strict=True):
        _language(sites.language, parts, found)


async def _scored(embedder: Embedder, sites: Sites) -> dict[str, list[Scores]]:
    return {
        "rule": [await scores.hybrid(embedder, sites.rules)],
        "scenario_entry": [await scores.cosine(embedder, sites.scenarios)],
        "transition": [await scores.cosine(embedder, step) for step in sites.steps],
        "relocalization": [await scores.cosine(embedder, sites.relocalization)],
    }


def _fit(kind: str, parts: list[Scores]) -> float:
    """Fits on all examples; the held-out figures come from a fit on every other message."""
    limit = limits.best_f1(parts)
    reached = limits.separation(parts, limit)
    half = limits.best_f1([part[FIT] for part in parts])
    unseen = limits.separation([part[HELD_OUT] for part in parts], half)
    print(
        f"{kind:<16}{limit:>7.3f}{reached.pairs:>7}{reached.auc:>7.3f}{reached.precision:>8.2f}"
        f"{reached.recall:>8.2f}{unseen.precision:>16.2f}{unseen.recall:>8.2f}"
    )
    return limit


def _steps(steps: list[Scores], transition: float) -> None:
    sanity = limits.sanity(steps, transition)
    margin = limits.best_margin(steps, transition)
    right, wrong, left = limits.taken(steps, transition, margin)
    doubted = limits.on_path_doubted(steps, sanity)
    print(
        f"{'sanity':<16}{sanity:>7.3f}"
        f"   95% of off-path messages stay below, as do {doubted:.0%} of the others"
    )
    print(f"{'margin':<16}{margin:>7.3f}   taken {right} rightly, {wrong} wrongly; {left} stay or ask")


def _language(language: str, parts: dict[str, list[Scores]], found: dict[str, float]) -> None:
    f1 = {kind: limits.separation(parts[kind], limit).f1 for kind, limit in found.items()}
    print(f"F1 in {language}: " + ", ".join(f"{kind} {value:.2f}" for kind, value in f1.items()))


if __name__ == "__main__":
    main()
