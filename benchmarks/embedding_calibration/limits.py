"""Chooses a limit from scored examples, and says how well it separates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedding_calibration.scores import Matrix, Scores

OFF_PATH_CAUGHT = 0.95  # share of off-path messages that the sanity limit must catch


@dataclass(frozen=True)
class Separation:
    """Quality of a limit on examples; precision and recall count single (message, condition)
    pairs.
    """

    pairs: int
    auc: float
    """Chance that a met condition scores above an unmet one; 1 is perfect, 0.5 is guessing."""
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def best_f1(parts: list[Scores]) -> float:
    """The limit with the highest F1, in the middle between the two scores that it parts."""
    score, met = _flat(parts)
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(met[order])
    f1 = 2 * hits / (np.arange(1, len(score) + 1) + met.sum())
    last = int(np.argmax(f1))
    ranked = score[order]
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)


def separation(parts: list[Scores], limit: float) -> Separation:
    """How the limit does on these examples."""
    score, met = _flat(parts)
    chosen = score >= limit
    hits = int((chosen & met).sum())
    return Separation(
        pairs=len(score),
        auc=_auc(score[met], score[~met]),
        precision=hits / max(int(chosen.sum()), 1),
        recall=hits / max(int(met.sum()), 1),
    )


def best_margin(steps: list[Scores], transition: float) -> float:
    """The lead that best tells a rightly from a wrongly best transition, among those above the
    limit.
    """
    leads, right = _leads(steps, transition)
    candidates = np.unique(np.append(leads, 0.0))
    gains = [(right & (leads >= c)).sum() - (~right & (leads >= c)).sum() for c in candidates]
    return float(candidates[int(np.argmax(gains))])


def taken(steps: list[Scores], transition: float, margin: float) -> tuple[int, int, int]:
    """Messages whose transition is (rightly taken, wrongly taken, left to adjudication or
    staying).
    """
    leads, right = _leads(steps, transition)
    clear = leads >= margin
    total = sum(len(part.score) for part in steps)
    return int((clear & right).sum()), int((clear & ~right).sum()), total - int(clear.sum())


def sanity(steps: list[Scores], transition: float) -> float:
    """The lowest limit that catches 95 % of the off-path messages; never above `transition`."""
    return float(min(np.quantile(_best(steps, on_path=False), OFF_PATH_CAUGHT), transition))


def on_path_doubted(steps: list[Scores], limit: float) -> float:
    """Share of the messages that do answer their step and yet stay below the limit."""
    return float(np.mean(_best(steps, on_path=True) < limit))


def _best(steps: list[Scores], *, on_path: bool) -> Matrix:
    """The best cosine of each message that meets some transition, or of each that meets none."""
    return np.concatenate([part.score.max(axis=1)[part.met.any(axis=1) == on_path] for part in steps])


def _leads(steps: list[Scores], transition: float) -> tuple[Matrix, NDArray[np.bool_]]:
    leads, right = [], []
    for part in steps:
        for row, met in zip(part.score, part.met, strict=True):
            best, second = np.sort(row)[::-1][:2]
            if best >= transition:
                leads.append(best - second)
                right.append(met[int(np.argmax(row))])
    return np.array(leads), np.array(right, dtype=bool)


def _flat(parts: list[Scores]) -> tuple[Matrix, NDArray[np.bool_]]:
    return (
        np.concatenate([part.score.ravel() for part in parts]),
        np.concatenate([part.met.ravel() for part in parts]),
    )


def _auc(met: Matrix, unmet: Matrix) -> float:
    wins = (met[:, None] > unmet).sum() + 0.5 * (met[:, None] == unmet).sum()
    return float(wins / (len(met) * len(unmet)))
