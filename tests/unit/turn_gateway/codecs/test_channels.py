from hypothesis import given
from hypothesis import strategies as st

from focal_turn_gateway.codecs import channels
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.channels import POLICY_FIELDS, Layer, Override, Scope
from focal_turn_gateway.domain.turns import SupersedeAction

NUMBERS = st.none() | st.integers(0, 60_000)
SWITCHES = st.none() | st.booleans()
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
LAYERS = st.builds(
    Layer,
    st.builds(Scope, st.sampled_from(["", "desk"]), st.sampled_from(["", "web"])),
    st.builds(
        Override,
        *(NUMBERS, st.none() | st.sampled_from(SupersedeAction), NUMBERS, NUMBERS, NUMBERS),
        *([SWITCHES] * 7),
        *(TEXTS, TEXTS, SWITCHES),
    ),
)


@given(LAYERS)
def test_an_override_survives_the_way_there_and_back(layer: Layer) -> None:
    assert channels.layer_from_proto(channels.layer_to_proto(layer)) == layer


def test_a_resolved_policy_says_every_field() -> None:
    voice = channel_catalogue.known("voice")
    encoded = channels.channel_to_proto(voice, voice.policy, ["phone"])
    assert {field.name for field, _ in encoded.policy.ListFields()} <= set(POLICY_FIELDS)
    assert all(encoded.policy.HasField(name) for name in POLICY_FIELDS)  # type: ignore[arg-type]
    assert (encoded.capability.markup, list(encoded.aliases)) == ("speech", ["phone"])
