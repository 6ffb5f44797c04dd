"""Which functions the provider `internal` finds."""

from pathlib import Path

import pytest

from focal_kernel import tools
from focal_service_kit.config_sources import ConfigError
from focal_toolbox.adapters.providers import internal_functions

SHOP = "tests.doubles.tool_functions:shop"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution on disk whose entry point `shop` leads to the functions."""
    described = tmp_path / "acme_tools-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tools\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[focal.tools]\nshop = {SHOP}\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_module_path_leads_to_a_registry() -> None:
    assert {"refund", "look_up"} <= internal_functions.load([SHOP]).keys()


def test_an_entry_point_is_loaded_when_it_is_named(installed: None) -> None:
    assert "refund" in internal_functions.load(["shop"])


def test_what_is_installed_and_not_named_is_not_loaded(installed: None) -> None:
    assert internal_functions.load([]) == {}


def test_every_package_that_cannot_be_used_is_named_at_once() -> None:
    packages = ["absent", "no.such.module:x", f"{SHOP}_", "json:loads", SHOP, SHOP]
    with pytest.raises(ConfigError) as refused:
        internal_functions.load(packages)
    told = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 5
    assert "entry point" in told
    assert "ModuleNotFoundError" in told
    assert "is no focal_kernel.tools.Registry" in told
    assert "another package has a function 'refund'" in told


def test_a_registry_refuses_what_nobody_could_call() -> None:
    registry = tools.Registry()
    registry.tool("a")(lambda: None)
    with pytest.raises(ValueError, match="two functions"):
        registry.tool("a")(lambda: None)
    with pytest.raises(ValueError, match="by name"):
        registry.tool("b")(lambda x, /: None)
    with pytest.raises(ValueError, match="the name"):
        registry.tool("a b")
    with pytest.raises(ValueError, match="lower-case word"):
        tools.Refused("Your card 4111 is declined")


def test_a_function_states_what_it_can_be_called_with() -> None:
    (function,) = [one for one in internal_functions.load([SHOP]).values() if one.name == "refund"]
    assert function.fits({"order_id": "1", "amount": 1})
    assert not function.fits({"order_id": "1"})
    assert not function.fits({"order_id": "1", "amount": 1, "more": 1})
    assert not function.fits({"order_id": "1", "amount": 1, "context": {}})
