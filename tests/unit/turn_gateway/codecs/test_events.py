import json
from dataclasses import replace

import pytest

from focal.turn.v1 import abuse_pb2, event_pb2
from focal_turn_gateway.adapters.postgres import records
from focal_turn_gateway.codecs import events as codec
from focal_turn_gateway.domain import events
from focal_turn_gateway.domain.abuse import Cause, Finding, Level
from focal_turn_gateway.domain.session_edits import Move
from focal_turn_gateway.domain.turns import TurnStatus, closed
from tests.fakes import abuse
from tests.fakes.turn_gateway import NOW, attempt, message, result

PLACE = codec.Place("acme", "desk", "web")
TURN = closed(attempt(message(1)), result("msg_1"), TurnStatus.COMPLETE)
RESTRICTED = Finding("cus_1", Level.MEDIUM, Cause.BOT, 24.0, {"turns": 10, "mean_s": 1.5})
BODIES: dict[str, events.Body] = {
    "message_received": events.MessageReceived(message(1)),
    "turn_started": events.TurnStarted("grp_1", 2, "MESSAGE", "trn_0"),
    "turn_aggregated": events.TurnAggregated("MAX_WAIT", ("msg_1",)),
    "supersede_decided": events.SupersedeDecided("QUEUE", "UNSPECIFIED", "PRE_EFFECT", "why", ("msg_1",)),
    "turn_superseded": events.TurnSuperseded("trn_2", "why"),
    "turn_completed": events.TurnCompleted(TURN),
    "turn_failed": events.TurnFailed(TURN),
    "turn_cancelled": events.TurnCancelled("ada", "mistake", ("msg_1",)),
    "agent": events.AgentReported("tool", "done", '{"n":1}', "ERROR", "1.0"),
    "webhook_disabled": events.WebhookDisabled("whk_1", 10, "the receiver answered 500"),
    "receipt_reported": events.ReceiptReported("trn_1:0:1", 0, 1, "sms", "FAILED", "unknown number"),
    "abuse_suspected": events.AbuseSuspected(abuse.entry("abs_1", RESTRICTED)),
    "abuse_blocked": events.AbuseBlocked(
        replace(abuse.entry("abs_2", RESTRICTED), level=Level.HIGH, until=NOW)
    ),
    "abuse_lifted": events.AbuseLifted(
        replace(abuse.entry("abs_2", RESTRICTED), lifted_at=NOW, lifted_by="ops", lift_reason="mistake")
    ),
    "session_updated": events.SessionUpdated(("a",), ("b",), (Move("s", "one"),), "olga", "why"),
    "session_ended": events.SessionEnded("olga", "solved"),
    "reply_fallback": events.ReplyFallback("trn_1:0:1", 0, "whatsapp", "sms", "NOT_OPTED_IN", 0),
    "delivery_updated": events.DeliveryUpdated(
        7, "callback", "trn_1:0:1", 0, 1, "IN_DOUBT", "no answer within 10 s", 1
    ),
    "events_dropped": events.EventsDropped((events.Dropped("custom", "CUSTOM_RATE_LIMIT", 3),)),
}


@pytest.mark.parametrize("kind", BODIES)
def test_an_event_is_stored_and_read_back_as_it_was(kind: str) -> None:
    [stored] = json.loads(records.events_json([events.Event(BODIES[kind], "trn_1", 2)]))
    assert (stored["kind"], stored["turn_id"], stored["attempt"]) == (kind, "trn_1", 2)
    assert records.event_body(kind, json.dumps(stored["body"])) == BODIES[kind]


@pytest.mark.parametrize("kind", BODIES)
def test_an_event_is_sent_with_its_place_and_body(kind: str) -> None:
    sent = codec.event_to_proto(events.StoredEvent("ses_1", 5, NOW, BODIES[kind], "trn_1", 2), PLACE)
    assert (sent.offset, sent.session_id, sent.turn_id, sent.attempt) == (5, "ses_1", "trn_1", 2)
    assert (sent.tenant_id, sent.agent_id, sent.channel) == ("acme", "desk", "web")
    assert sent.occurred_at.ToDatetime(NOW.tzinfo) == NOW
    assert sent.WhichOneof("body") == kind


def test_bodies_keep_what_they_say() -> None:
    def sent(kind: str) -> event_pb2.FabricEvent:
        return codec.event_to_proto(events.StoredEvent("ses_1", 5, NOW, BODIES[kind]), PLACE)

    assert sent("turn_started").turn_started.superseded_from == "trn_0"
    assert list(sent("turn_aggregated").turn_aggregated.message_ids) == ["msg_1"]
    decided = sent("supersede_decided").supersede_decided
    assert (decided.action, decided.reason) == (event_pb2.SUPERSEDE_ACTION_QUEUE, "why")
    completed = sent("turn_completed").turn_completed.turn
    assert (completed.turn_id, completed.reply[0].text) == ("trn_1", "good day")
    assert completed.closed_at.ToDatetime(NOW.tzinfo) == NOW  # the record was written before its commit
    assert sent("agent").agent.payload_json == '{"n":1}'
    disabled = sent("webhook_disabled").webhook_disabled
    assert (disabled.webhook_id, disabled.exhausted_deliveries) == ("whk_1", 10)
    assert disabled.reason == "the receiver answered 500"
    suspected = sent("abuse_suspected").abuse_suspected.abuse
    assert (suspected.customer_id, dict(suspected.evidence)) == ("cus_1", {"turns": 10, "mean_s": 1.5})
    assert (suspected.level, suspected.cause) == (abuse_pb2.ABUSE_LEVEL_MEDIUM, abuse_pb2.ABUSE_CAUSE_BOT)
    assert sent("abuse_blocked").abuse_blocked.abuse.until.ToDatetime(NOW.tzinfo) == NOW
    assert sent("abuse_lifted").abuse_lifted.abuse.lift_reason == "mistake"
    updated = sent("session_updated").session_updated
    assert (list(updated.set_variables), list(updated.removed_variables)) == (["a"], ["b"])
    assert (updated.moves[0].step_id, updated.updated_by, updated.reason) == ("one", "olga", "why")
    ended = sent("session_ended").session_ended
    assert (ended.ended_by, ended.reason) == ("olga", "solved")
    [dropped] = sent("events_dropped").events_dropped.dropped
    assert (dropped.category, dropped.count) == ("custom", 3)
    assert dropped.reason == event_pb2.EVENT_DROP_REASON_CUSTOM_RATE_LIMIT


def test_an_event_says_its_name_its_id_its_trace_and_how_loud_it_is() -> None:
    stored = events.StoredEvent("ses_1", 5, NOW, BODIES["turn_failed"], "trn_1", 2, "ab" * 16)
    sent = codec.event_to_proto(stored, PLACE)
    assert (sent.name, sent.event_id, sent.trace_id) == ("infra.turn.failed", "ses_1-5", "ab" * 16)
    assert sent.severity == event_pb2.EVENT_SEVERITY_ERROR


def test_every_event_of_the_domain_has_a_codec_and_a_record() -> None:
    assert {type(body) for body in BODIES.values()} == set(codec._BODIES) == set(records._KINDS)


def test_live_text_keeps_its_place() -> None:
    delta = codec.delta_to_proto(events.TextDelta("trn_1", 2, 3, "hi"))
    assert (delta.turn_id, delta.attempt, delta.sequence, delta.text) == ("trn_1", 2, 3, "hi")
    reset = codec.reset_to_proto(events.TextReset("trn_1", 2))
    assert (reset.turn_id, reset.attempt) == ("trn_1", 2)
