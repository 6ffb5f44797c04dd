from focal_turn_gateway.core import owed_parts
from focal_turn_gateway.domain.callbacks import NO_CALLBACKS, Callback, Callbacks

CHOSEN = Callbacks({"sms": Callback("sms", "https://example.com/", "s" * 32)})
PART = {"dedupe_key": "trn_1:0:0", "channel": "sms", "text": "good day"}


def test_a_part_goes_to_its_channels_callback_and_else_to_the_stream() -> None:
    posted = owed_parts.row(CHOSEN, "acme", PART)
    assert (posted.destination, posted.payload["callback"]) == ("callback", "sms")
    streamed = owed_parts.row(NO_CALLBACKS, "acme", PART)
    assert (streamed.destination, streamed.dedupe_key, streamed.payload) == ("outbound", "trn_1:0:0", PART)


def test_a_part_that_falls_back_leaves_its_callback_behind() -> None:
    failed = owed_parts.row(CHOSEN, "acme", PART).payload
    again = owed_parts.row(CHOSEN, "acme", {**failed, "channel": "email", "dedupe_key": "trn_1:0:0:email"})
    assert again.destination == "outbound"
    assert "callback" not in again.payload
