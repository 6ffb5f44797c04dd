from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from focal_service_kit import config_sources, settings
from focal_service_kit.config_sources import ConfigError


class Model(settings.Section):
    base_url: str = Field("", description="URL")
    api_key: SecretStr = Field(SecretStr(""), description="secret")
    model: str = Field("small", description="name")
    fallbacks: tuple[str, ...] = Field((), description="names")
    headers: dict[str, str] = Field(default_factory=dict, description="headers")


class ToySettings(settings.WithRedis, settings.ServiceSettings):
    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7499")
    llm: Model = Model()


def load(environ: dict[str, str] | None = None, file: Path | None = None) -> ToySettings:
    environ = dict(environ or {})
    if file:
        environ["FOCAL_CONFIG"] = str(file)
    return config_sources.load(ToySettings, "toy", environ)


def problems(environ: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(environ, file)
    return caught.value.problems


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "focal.toml"
    path.write_text(text)
    return path


def test_without_sources_the_defaults_hold() -> None:
    assert load() == ToySettings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        """
        [common.drain]
        grace_s = 1
        [common.logging]
        level = "debug"
        [toy.drain]
        grace_s = 2
        [toy.grpc]
        keepalive_s = 20
        """,
    )
    chosen = load({"FOCAL_TOY__GRPC__KEEPALIVE_S": "10"}, file)
    assert chosen.logging.level == "debug"
    assert chosen.drain.grace_s == 2
    assert chosen.grpc.keepalive_s == 10
    assert chosen.grpc.listen == "127.0.0.1:7499"


def test_a_well_known_name_sets_its_key_unless_the_services_own_name_does() -> None:
    shared = {"FOCAL_REDIS_URL": "redis://shared", "FOCAL_LLM_MODEL": "large"}
    chosen = load(shared)
    assert (chosen.redis.url, chosen.llm.model) == ("redis://shared", "large")
    assert load({**shared, "FOCAL_TOY__REDIS__URL": "redis://own"}).redis.url == "redis://own"


def test_a_well_known_name_of_something_the_service_does_not_have_is_ignored() -> None:
    assert load({"FOCAL_POSTGRES_URL": "postgresql://x/y"}) == ToySettings()


def test_other_services_names_are_none_of_its_business(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toolbox]\nwhatever = 1\n[common.postgres]\nurl = 'postgresql://x/y'\n")
    assert load({"FOCAL_TOOLBOX__WHATEVER": "1"}, file) == ToySettings()


def test_lists_and_maps_are_json_in_the_environment() -> None:
    chosen = load({"FOCAL_TOY__LLM__FALLBACKS": '["a", "b"]', "FOCAL_TOY__LLM__HEADERS": '{"X-Key": "1"}'})
    assert chosen.llm.fallbacks == ("a", "b")
    assert chosen.llm.headers == {"X-Key": "1"}


def test_every_unknown_key_is_named_at_once(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toy]\ncolour = 'red'\n[toy.grpc]\nlistn = 'x'\n[common.loging]\nlevel = 'info'\n")
    assert problems({"FOCAL_TOY__DRAIN__GRACE": "1", "FOCAL_TOY__LLM__API_KEI": "x"}, file) == [
        "colour: no such setting",
        "drain.grace: no such setting",
        "grpc.listn: no such setting",
        "llm.api_kei: no such setting",
        "loging: no such setting",
    ]


def test_a_bad_value_is_named_with_its_key() -> None:
    (problem,) = problems({"FOCAL_TOY__DRAIN__GRACE_S": "-1"})
    assert problem.startswith("drain.grace_s: ")
    assert [text.split(":")[0] for text in problems({"FOCAL_TOY__GRPC__MAX_MESSAGE_BYTES": "many"})] == [
        "grpc.max_message_bytes"
    ]


@pytest.mark.parametrize("environ", [{"FOCAL_TOY__GRPC": "x"}, {"FOCAL_TOY__GRPC__LISTEN__PORT": "1"}])
def test_a_name_that_stops_short_or_goes_too_deep_is_a_named_problem(environ: dict[str, str]) -> None:
    assert problems(environ)[0].startswith("grpc")


def test_a_short_and_a_long_name_of_one_section_do_not_crash_the_reader() -> None:
    both = {"FOCAL_TOY__GRPC": "x", "FOCAL_TOY__GRPC__LISTEN": "127.0.0.1:1"}
    for environ in (both, dict(reversed(both.items()))):
        assert problems(environ)[0].startswith("grpc")


def test_a_file_that_is_missing_or_broken_is_a_named_problem(tmp_path: Path) -> None:
    assert "FOCAL_CONFIG" in problems({}, tmp_path / "none.toml")[0]
    assert "FOCAL_CONFIG" in problems({}, toml(tmp_path, "[broken"))[0]


def test_a_table_of_no_service_is_named(tmp_path: Path) -> None:
    file = toml(tmp_path, "[toolbx]\nx = 1\n")
    assert problems({}, file) == [f"[toolbx]: no such table in {file}"]


def test_secrets_do_not_show_in_an_error(tmp_path: Path) -> None:
    text = str(problems({"FOCAL_TOY__LLM__API_KEY": "hunter2", "FOCAL_TOY__LLM__FALLBACKS": "oops"}))
    assert "hunter2" not in text


def test_whatever_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    file = toml(tmp_path, "[nosuch]\na = 1\n[toy]\nbogus = 1")
    environ = {"FOCAL_TOY__GRPC__LISTNE": "x", "FOCAL_TOY__GRPC__KEEPALIVE_S": "soon"}
    named = {problem.partition(":")[0] for problem in problems(environ, file)}
    assert named == {"[nosuch]", "bogus", "grpc.listne", "grpc.keepalive_s"}
