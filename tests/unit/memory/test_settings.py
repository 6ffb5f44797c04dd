"""Memory's settings."""

from __future__ import annotations

import pydantic
import pytest

from focal_embedding import EmbeddingSettings
from focal_memory.domain import admission, rarity
from focal_memory.settings import IngestSettings, MemorySettings, RecallSettings


def test_the_defaults_are_those_of_the_domain() -> None:
    assert IngestSettings().limits() == admission.Limits()
    assert RecallSettings().choice() == rarity.Choice()


def test_vectors_that_no_index_can_hold_are_refused_at_start() -> None:
    with pytest.raises(pydantic.ValidationError, match="4000"):
        MemorySettings(embedding=EmbeddingSettings(dimensions=4001))
