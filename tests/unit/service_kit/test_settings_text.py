from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from focal_service_kit import settings, settings_text


class Rung(settings.Section):
    model: str = Field("", description="name")
    key: SecretStr = Field(SecretStr(""), description="secret")


class Model(settings.Section):
    key: SecretStr = Field(SecretStr(""), description="the key")
    chain: tuple[Rung, ...] = Field((), description="further rungs")


class ToySettings(settings.WithPostgres, settings.ServiceSettings):
    llm: Model = Model()


def test_every_setting_is_listed_with_its_meaning() -> None:
    text = settings_text.reference(ToySettings, "toy")
    assert 'FOCAL_TOY__POSTGRES__URL (or FOCAL_POSTGRES_URL) = "postgresql://127.0.0.1:5432/focal"' in text
    assert "FOCAL_TOY__DRAIN__GRACE_S = 3" in text


def sections(cls: type[BaseModel]) -> list[type[BaseModel]]:
    return [field.annotation for field in cls.model_fields.values() if isinstance(field.annotation, type)]


def test_every_shared_setting_says_what_it_means() -> None:
    silent = [
        f"{section.__name__}.{name}"
        for section in sections(settings._Everything)
        for name, field in section.model_fields.items()
        if not field.description
    ]
    assert silent == []


def test_secrets_are_stars_wherever_they_stand() -> None:
    chosen = ToySettings(
        postgres=settings.PostgresSettings(url="postgresql://me:hunter1@db/focal?password=hunter2&x=1"),
        llm=Model(key=SecretStr("hunter3"), chain=(Rung(model="a", key=SecretStr("hunter4")),)),
    )
    text = settings_text.effective(chosen)
    assert "hunter" not in text
    assert 'postgres.url = "postgresql://me:********@db/focal?password=********&x=1"' in text
    assert 'llm.key = "********"' in text


def test_an_empty_secret_shows_that_it_is_empty() -> None:
    assert 'llm.key = ""' in settings_text.effective(ToySettings())
