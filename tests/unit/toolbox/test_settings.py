from pathlib import Path

import pytest

from focal_service_kit import config_sources, settings_text
from focal_toolbox.settings import ToolboxSettings


def _load(**environ: str) -> ToolboxSettings:
    return config_sources.load(ToolboxSettings, "toolbox", environ)


def test_variables_come_from_the_environment_in_upper_case() -> None:
    loaded = _load(FOCAL_TOOLBOX__VARIABLES__ORDER_SERVICE_URL="http://127.0.0.1:7480")
    assert loaded.variables["ORDER_SERVICE_URL"].get_secret_value() == "http://127.0.0.1:7480"


def test_variables_are_not_shown() -> None:
    loaded = _load(FOCAL_TOOLBOX__VARIABLES__SHOP_TOKEN="s3cret")
    shown = settings_text.effective(loaded) + repr(loaded)
    assert "s3cret" not in shown


def test_variables_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "focal.toml"
    path.write_text('[toolbox.variables]\norder_service_url = "http://shop"\n')
    loaded = _load(FOCAL_CONFIG=str(path))
    assert loaded.variables["ORDER_SERVICE_URL"].get_secret_value() == "http://shop"


def test_a_reservation_is_given_back_before_its_lease_can_end() -> None:
    loaded = ToolboxSettings()
    assert loaded.instance.send_within_s < loaded.instance.lease_s


def test_a_send_limit_beyond_the_lease_is_refused() -> None:
    with pytest.raises(config_sources.ConfigError, match="send_within_s"):
        _load(FOCAL_TOOLBOX__INSTANCE__SEND_WITHIN_S="5")
