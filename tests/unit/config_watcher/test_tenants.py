"""Registering tenants."""

import pytest

from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain.tenant import Tier
from focal_kernel import clock, errors
from tests.fakes.config_watcher import FakeTenants


@pytest.fixture
def registry() -> Registry:
    return Registry(FakeTenants(), clock.ManualClock())


async def test_a_tenant_without_a_name_is_called_by_its_id(registry: Registry) -> None:
    assert (await registry.create("acme", "  ", Tier.FREE, "")).name == "acme"
    assert (await registry.get("acme")).tier is Tier.FREE


@pytest.mark.parametrize("tenant_id", ["", "a:b", "a b", "ä", "a" * 65])
async def test_an_id_that_could_break_a_key_is_refused(registry: Registry, tenant_id: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await registry.create(tenant_id, "", Tier.FREE, "")
    assert caught.value.reason == "INVALID_ID"


async def test_a_name_has_an_end(registry: Registry) -> None:
    with pytest.raises(errors.InvalidArgument):
        await registry.create("acme", "x" * 201, Tier.FREE, "")


async def test_an_unknown_tenant_is_named_in_the_error(registry: Registry) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await registry.get("nobody")
    assert caught.value.metadata == {"tenant": "nobody"}
