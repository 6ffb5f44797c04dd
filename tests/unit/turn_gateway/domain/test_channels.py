import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.domain import channels


def test_registered_channels_keep_their_name_and_aliases_are_followed() -> None:
    assert [channels.resolve(name) for name in ("whatsapp", "webchat", "phone")] == [
        "whatsapp",
        "web",
        "voice",
    ]


@pytest.mark.parametrize("name", ["", "WEB", "pigeon", "web\x00", "x" * 10_000])
def test_an_unknown_channel_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(errors.UnknownChannel) as caught:
        channels.resolve(name)
    assert "whatsapp" in caught.value.metadata["known"].split(",")
    assert len(caught.value.message) < 300


def test_a_base_is_the_registered_one_unless_a_deployment_says_otherwise() -> None:
    bases = channels.Bases({"email": 50})
    assert [bases.base_ms("acme", "desk", name) for name in ("whatsapp", "email", "voice")] == [1200, 50, 0]
