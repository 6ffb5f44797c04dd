"""What a soak remembers between runs: which trials were green for which state of the checkout."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pydantic

from focal_kernel import ids


class TrialResult(pydantic.BaseModel, frozen=True):
    """What one trial came to; times in seconds, `violations` empty when all promises were kept."""

    name: str
    took_s: float
    healed_s: float = 0.0
    conversations: int = 0
    turns: int = 0
    restarted_turns: int = 0
    failed_turns: int = 0
    refunds: int = 0
    doubtful: int = 0
    violations: tuple[str, ...] = ()

    @property
    def green(self) -> bool:
        """Whether the trial needs no other run."""
        return not self.violations


class _File(pydantic.BaseModel):
    version: str
    results: dict[str, TrialResult] = {}


@dataclass
class State:
    """The state file; results of another version count for nothing."""

    path: Path
    version: str
    results: dict[str, TrialResult]

    @classmethod
    def load(cls, path: Path, version: str, *, fresh: bool) -> State:
        """What is known of this version; nothing when it has to be `fresh`."""
        if not fresh and path.exists():
            known = _File.model_validate_json(path.read_text())
            if known.version == version:
                return cls(path, version, known.results)
        return cls(path, version, {})

    def add(self, result: TrialResult) -> None:
        """Remember a result, whatever ends the soak right after."""
        self.results[result.name] = result
        draft = self.path.with_suffix(".new")
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(_File(version=self.version, results=self.results).model_dump_json(indent=2))
        draft.replace(self.path)

    def is_green(self, name: str) -> bool:
        """Whether the trial was green for this version."""
        return name in self.results and self.results[name].green


def version() -> str:
    """The commit, and a digest of what was changed since."""
    changes = _git("diff", "HEAD")
    return _git("rev-parse", "HEAD").strip() + (f"+{ids.digest(changes)[:12]}" if changes else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout
