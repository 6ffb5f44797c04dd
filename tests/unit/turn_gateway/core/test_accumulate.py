from focal_turn_gateway.core.accumulate import Accumulate
from focal_turn_gateway.domain.accumulation import Fixed, Hint, Rhythm, Situation, Window
from focal_turn_gateway.domain.adaptive import Adaptive, Figures
from focal_turn_gateway.domain.channels import Layer, Override, Scope
from focal_turn_gateway.domain.messages import Submission
from focal_turn_gateway.ports.accumulation import AccumulationPolicy
from tests.fakes.channel_overrides import channel_policies
from tests.fakes.gateway_turns import InMemoryTurns
from tests.fakes.turn_gateway import submission

TEXT = "I would like to return the blue shoes"
KNOWN = Rhythm((700,) * 6, ("hi",), 1, Hint(awaiting_required_field=True))


class Known(InMemoryTurns):
    """`Rhythms` of one customer, which counts how often it is asked."""

    asked = 0

    async def rhythm(self, submission: Submission) -> Rhythm:
        await super().rhythm(submission)
        self.asked += 1
        return KNOWN


def accumulate(rhythms: Known, policy: AccumulationPolicy, base_ms: int = 600) -> Accumulate:
    """On a tenant's own base for `web`."""
    layer = Layer(Scope("", "web"), Override(window_ms=base_ms))
    return Accumulate(channel_policies(layer), policy, rhythms)


async def test_the_policy_is_given_the_text_the_base_and_what_is_known() -> None:
    policy = Adaptive(Figures())
    window = await accumulate(Known(), policy, 900).window(submission(TEXT))
    assert window == policy.window(Situation(TEXT, 900, KNOWN))


async def test_nothing_is_read_for_a_policy_or_a_channel_that_needs_nothing() -> None:
    rhythms = Known()
    assert (await accumulate(rhythms, Fixed(70)).window(submission())).pause_ms == 70
    assert (await accumulate(rhythms, Adaptive(Figures()), 0).window(submission())).pause_ms == 0
    assert rhythms.asked == 0


async def test_a_rhythm_that_cannot_be_read_costs_no_message() -> None:
    rhythms = Known()
    rhythms.away = True
    window: Window = await accumulate(rhythms, Adaptive(Figures())).window(submission(TEXT))
    assert window.pause_ms == 600
