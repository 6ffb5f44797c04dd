from dataclasses import fields, replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.channels import (
    POLICY_FIELDS,
    Capability,
    Channel,
    Layer,
    Override,
    Policy,
    Scope,
)

REGISTRY = channel_catalogue.registry()
ANY_POLICY = st.builds(Policy, st.integers(), st.none(), st.integers(), split=st.booleans())
ANY_OVERRIDE = st.builds(
    Override, st.none() | st.integers(), split=st.none() | st.booleans(), greeting=st.none() | st.just("hi")
)


def test_registered_channels_keep_their_name_and_aliases_are_followed() -> None:
    assert [REGISTRY.resolve(name) for name in ("whatsapp", "webchat", "phone")] == [
        "whatsapp",
        "web",
        "voice",
    ]


@pytest.mark.parametrize("name", ["", "WEB", "pigeon", "web\x00", "x" * 10_000])
def test_an_unknown_channel_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(errors.UnknownChannel) as caught:
        REGISTRY.resolve(name)
    assert "whatsapp" in caught.value.metadata["known"].split(",")
    assert len(caught.value.message) < 300


def test_the_catalogue_has_the_windows_and_limits_of_the_domain() -> None:
    known = REGISTRY.channels
    assert {name: channel.policy.window_ms for name, channel in known.items()} == {
        "whatsapp": 1200,
        "telegram": 1000,
        "sms": 800,
        "web": 600,
        "slack": 800,
        "teams": 800,
        "email": 0,
        "voice": 0,
        "api": 0,
    }
    assert [known[name].capability.max_chars for name in ("whatsapp", "sms", "web", "voice", "email")] == [
        4096,
        160,
        10_000,
        500,
        0,
    ]
    assert [known[name].capability.fallback for name in ("whatsapp", "sms", "email")] == ["sms", "email", ""]


def test_a_channel_that_nobody_registered_waits_the_default() -> None:
    assert REGISTRY.channel("gone").policy.window_ms == 800


def test_a_deployment_registers_further_channels() -> None:
    registry = channel_catalogue.registry([Channel("matrix", Capability(max_chars=9))], {"element": "matrix"})
    assert registry.channel(registry.resolve("element")).capability.max_chars == 9
    assert registry.resolve("web") == "web"


@pytest.mark.parametrize(
    ("channels", "aliases"),
    [
        ([Channel("a b")], {}),
        ([Channel("x", Capability(fallback="nowhere"))], {}),
        ([], {"y": "nowhere"}),
        ([], {"web": "sms"}),
    ],
)
def test_a_registry_that_leads_nowhere_is_refused(channels: list[Channel], aliases: dict[str, str]) -> None:
    with pytest.raises((ValueError, kernel_errors.InvalidArgument)):
        channel_catalogue.registry(channels, aliases)


def test_layers_apply_from_the_tenant_to_the_agents_channel_in_whatever_order_they_are_read() -> None:
    layers = [
        Layer(Scope("", ""), Override(window_ms=1, split=False, markup=False, parse_text=False)),
        Layer(Scope("desk", ""), Override(window_ms=2, split=True, markup=True)),
        Layer(Scope("", "web"), Override(window_ms=3, split=False)),
        Layer(Scope("desk", "web"), Override(window_ms=4)),
        Layer(Scope("", "sms"), Override(window_ms=5)),
    ]
    for read in permutations(layers):
        policy = REGISTRY.channel("web").resolved(read)
        assert (policy.window_ms, policy.split, policy.markup, policy.parse_text) == (4, False, True, False)


@given(ANY_POLICY, ANY_OVERRIDE)
def test_none_never_overrides(policy: Policy, override: Override) -> None:
    over = override.over(policy)
    for name in POLICY_FIELDS:
        wanted = getattr(override, name)
        assert getattr(over, name) == (getattr(policy, name) if wanted is None else wanted)
    assert override.over(over) == over


def test_an_override_may_set_every_field_of_a_policy_and_no_other() -> None:
    assert {field.name for field in fields(Override)} == set(POLICY_FIELDS)


@pytest.mark.parametrize(
    "field",
    [
        {"window_ms": -1},
        {"window_ms": 60_001},
        {"natural_delay_ms": -1},
        {"max_messages_per_minute": 0},
        {"max_chars": 19},
        {"max_chars": -1},
        {"greeting": "x" * 1001},
        {"signature": "\x00"},
    ],
)
def test_a_field_outside_its_limits_is_refused(field: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidPolicy):
        Override(**field).checked()


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = Override(window_ms=-1, max_chars=1, greeting="x" * 2000, split=True)
    with pytest.raises(errors.InvalidPolicy) as caught:
        wrong.checked()
    assert [each.field for each in caught.value.violations] == [
        "policy.window_ms",
        "policy.max_chars",
        "policy.greeting",
    ]
    assert replace(wrong, window_ms=0, max_chars=0, greeting="").checked()
