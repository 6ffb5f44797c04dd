import pytest
from pydantic import ValidationError

from focal_embedding import EmbeddingSettings, from_settings, hashed
from focal_embedding.settings import ThresholdSettings


def test_the_default_is_the_offline_embedding_with_its_own_thresholds() -> None:
    embedder = from_settings(EmbeddingSettings())
    assert embedder.model == "hashed-v1/384"
    assert embedder.thresholds == hashed.THRESHOLDS


def test_single_thresholds_can_be_replaced() -> None:
    settings = EmbeddingSettings(thresholds=ThresholdSettings(rule=0.9))
    thresholds = from_settings(settings).thresholds
    assert thresholds.rule == 0.9
    assert thresholds.transition == hashed.THRESHOLDS.transition


@pytest.mark.parametrize(
    "bad", [{"provider": "word2vec"}, {"dimension": 3}, {"dimensions": 0}, {"thresholds": {"rule": 2}}]
)
def test_unknown_or_senseless_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EmbeddingSettings.model_validate(bad)


def test_the_key_is_not_printed() -> None:
    settings = EmbeddingSettings.model_validate({"api_key": "sk-secret"})
    assert "sk-secret" not in repr(settings)
