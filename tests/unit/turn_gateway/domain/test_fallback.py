from dataclasses import replace

from focal_turn_gateway.domain import channel_catalogue, fallback
from focal_turn_gateway.domain.channels import Capability, Channel
from focal_turn_gateway.domain.fallback import Refusal, Rung

REGISTRY = channel_catalogue.registry()


def test_whatsapp_falls_back_on_sms_and_then_on_email() -> None:
    sms, email = Rung("sms", ("whatsapp",)), Rung("email", ("whatsapp", "sms"))
    assert fallback.rungs(REGISTRY, "whatsapp", [], 2) == [sms, email]
    assert fallback.rungs(REGISTRY, "sms", ["whatsapp"], 2) == [email]
    assert fallback.rungs(REGISTRY, "email", ["whatsapp", "sms"], 2) == []


def test_a_channel_without_a_rung_below_has_no_ladder() -> None:
    assert fallback.rungs(REGISTRY, "web", [], 2) == []
    assert fallback.rungs(REGISTRY, "pager", [], 2) == []


def test_the_depth_is_bounded_over_all_steps_of_a_reply() -> None:
    too_many = Rung("email", ("whatsapp", "sms"), Refusal.TOO_MANY_STEPS)
    assert fallback.rungs(REGISTRY, "whatsapp", [], 1) == [Rung("sms", ("whatsapp",)), too_many]
    assert fallback.rungs(REGISTRY, "sms", ["whatsapp"], 1) == [too_many]


def test_a_ladder_that_leads_back_ends_before_it_does() -> None:
    email = channel_catalogue.known("email")
    circle = replace(email, capability=replace(email.capability, fallback="whatsapp"))
    registry = channel_catalogue.registry([circle, Channel("loop", Capability(fallback="loop"))])
    assert [rung.channel for rung in fallback.rungs(registry, "whatsapp", [], 9)] == ["sms", "email"]
    assert fallback.rungs(registry, "loop", [], 9) == []


def test_a_channel_on_which_a_business_may_not_write_first_is_passed_over() -> None:
    sms = channel_catalogue.known("sms")
    mute = replace(sms, capability=replace(sms.capability, outbound=False))
    found = fallback.rungs(channel_catalogue.registry([mute]), "whatsapp", [], 2)
    assert [(rung.channel, rung.refusal) for rung in found] == [("sms", Refusal.NO_OUTBOUND), ("email", None)]
