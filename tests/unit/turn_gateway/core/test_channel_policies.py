import pytest

from focal_kernel import errors as kernel_errors
from focal_turn_gateway import errors
from focal_turn_gateway.domain.channels import Layer, Override, Scope
from tests.fakes.channel_overrides import channel_policies


async def test_a_policy_is_the_platforms_under_the_overrides() -> None:
    policies = channel_policies(
        Layer(Scope("", "web"), Override(window_ms=5)),
        Layer(Scope("other", "web"), Override(window_ms=6)),
    )
    assert (await policies.policy("acme", "desk", "web")).window_ms == 5
    assert (await policies.policy("acme", "desk", "webchat-of-old")).window_ms == 800


async def test_a_change_follows_aliases_and_adds_to_what_was_set() -> None:
    policies = channel_policies(Layer(Scope("", "web"), Override(window_ms=5)))
    stands = await policies.put("acme", Layer(Scope("", "webchat"), Override(split=False)), "")
    assert stands == Layer(Scope("", "web"), Override(window_ms=5, split=False))
    left = await policies.delete("acme", Scope("", "webchat"), ["split"], "")
    assert left == Layer(Scope("", "web"), Override(window_ms=5))


@pytest.mark.parametrize(
    "layer",
    [
        Layer(Scope("", "pigeon"), Override(window_ms=1)),
        Layer(Scope("a:b", "web"), Override(window_ms=1)),
        Layer(Scope("", "web"), Override(window_ms=-1)),
        Layer(Scope("", "web"), Override()),
    ],
)
async def test_nothing_is_stored_of_a_change_that_is_refused(layer: Layer) -> None:
    policies = channel_policies()
    with pytest.raises(kernel_errors.InvalidArgument):
        await policies.put("acme", layer, "")
    assert await policies.overrides.layers("acme", "desk") == ()


async def test_an_agent_that_does_not_exist_gets_no_policy() -> None:
    with pytest.raises(kernel_errors.NotFound):
        await channel_policies().put("acme", Layer(Scope("nobody", "web"), Override(window_ms=1)), "")


async def test_every_field_that_is_none_is_named() -> None:
    with pytest.raises(errors.InvalidPolicy) as caught:
        await channel_policies().delete("acme", Scope("", "web"), ["window_ms", "colour", "size"], "")
    assert [each.description.split()[0] for each in caught.value.violations] == ["'colour'", "'size'"]
