"""What must not leave."""

from __future__ import annotations

from typing import Protocol

from focal_toolbox.domain.answer import Answer


class Secrecy(Protocol):
    """Takes secrets out of what a provider says."""

    def text(self, text: str) -> str:
        """The text with a mask for every secret in it."""

    def answer(self, answer: Answer) -> Answer:
        """The answer with masks in its result, reason and message."""
