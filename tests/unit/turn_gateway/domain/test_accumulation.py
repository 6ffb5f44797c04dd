from focal_turn_gateway.domain.accumulation import AggregationReason, Mode, Window, WindowPolicy


def policy(mode: Mode, **base_ms: int) -> WindowPolicy:
    return WindowPolicy(mode, fixed_ms=800, max_wait_ms=10_000, base_ms=base_ms)


def test_off_answers_at_once_everywhere() -> None:
    assert policy(Mode.OFF).window("whatsapp") == Window(0, AggregationReason.OFF)


def test_fixed_waits_the_same_everywhere() -> None:
    windows = {policy(Mode.FIXED).window(channel) for channel in ("email", "whatsapp")}
    assert windows == {Window(800, AggregationReason.TIMEOUT)}


def test_a_channel_waits_its_base() -> None:
    assert policy(Mode.CHANNEL).window("whatsapp") == Window(1200, AggregationReason.TIMEOUT)


def test_a_channel_of_whole_turns_is_answered_at_once_and_says_why() -> None:
    assert policy(Mode.CHANNEL).window("email") == Window(0, AggregationReason.CHANNEL)


def test_a_deployment_may_set_its_own_base() -> None:
    assert policy(Mode.CHANNEL, email=50).window("email") == Window(50, AggregationReason.TIMEOUT)
