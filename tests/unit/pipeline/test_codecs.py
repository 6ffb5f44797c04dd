"""Round trips of what crosses the contract."""

from decimal import Decimal

import pytest

from focal.common.v1 import side_effect_policy_pb2 as policies
from focal.pipeline.v1 import turn_run_pb2
from focal.toolbox.v1 import effect_pb2
from focal.turn.v1 import event_pb2, message_pb2, session_pb2, turn_pb2
from focal_kernel import errors
from focal_pipeline.domain import turn
from focal_pipeline.domain.bundle import SideEffect
from focal_pipeline.domain.session import (
    AccumulationHint,
    ScenarioInstance,
    ScenarioMove,
    ScenarioStatus,
    SessionState,
    StepVisit,
    WaitingCall,
)
from focal_pipeline.transport import result_codec, state_codec, turn_codec

STATE = SessionState(
    scenarios=(
        ScenarioInstance("s", "one", ScenarioStatus.PAUSED, 1, 2, 3, ("look",), {"pay": "grp_1"}),
        ScenarioInstance("t", "two", ScenarioStatus.COMPLETED),
    ),
    variables={"amount": Decimal("59.90"), "n": 3, "ok": True, "text": "ä", "list": [1, {"a": None}]},
    rule_fire_counts={"r": 2},
    rule_last_turn={"r": 7},
    turn_index=8,
    last_intent_label="return",
    step_history=(StepVisit("s", "one", 8, is_checkpoint=True),),
    hint=AccumulationHint(True, True, 0.5, "order_id"),
    moves=(ScenarioMove("s", "two"), ScenarioMove("t")),
    waiting=WaitingCall("cnf_1", "pay", '{"a":1}', "Sure?", "r", "s", "two", for_operator=True),
)


def test_a_session_state_survives_the_round_trip() -> None:
    wire = state_codec.to_proto(STATE).SerializeToString()
    assert state_codec.from_proto(session_pb2.SessionState.FromString(wire)) == STATE


def start() -> turn_run_pb2.TurnStart:
    return turn_run_pb2.TurnStart(
        turn_id="trn_1",
        turn_group_id="grp_1",
        attempt=2,
        epoch=9,
        cause=turn_pb2.TURN_CAUSE_TIMER,
        messages=[
            message_pb2.Message(message_id="m1", text="hello"),
            message_pb2.Message(message_id="m2", text="you"),
        ],
        session=turn_run_pb2.SessionSnapshot(
            session_id="ses_1",
            agent_id="desk",
            customer_id="cus_1",
            channel="web",
            config_version=4,
            state=state_codec.to_proto(STATE),
            history=[turn_run_pb2.Exchange(customer_text="a", reply_text="b")],
            pending_customer_data=[turn_run_pb2.CustomerDataChange(field="city", value_json='"Rome"')],
        ),
        artifacts=[turn_run_pb2.PhaseArtifact(name="tool_plan", data_json="{}")],
        prior_effects=[
            effect_pb2.Effect(tool_name="pay", state=effect_pb2.EFFECT_STATE_DONE),
            effect_pb2.Effect(
                tool_name="label",
                policy=policies.SIDE_EFFECT_POLICY_IDEMPOTENT,
                state=effect_pb2.EFFECT_STATE_FAILED,
            ),
            effect_pb2.Effect(
                effect_id="eff_3",
                tool_name="hold",
                policy=policies.SIDE_EFFECT_POLICY_COMPENSATABLE,
                state=effect_pb2.EFFECT_STATE_IN_DOUBT,
            ),
            effect_pb2.Effect(
                effect_id="eff_4",
                tool_name="hold",
                policy=policies.SIDE_EFFECT_POLICY_COMPENSATABLE,
                state=effect_pb2.EFFECT_STATE_COMPENSATED,
            ),
        ],
        supersede_count=1,
        trigger_json='{"due":1}',
    )


def test_a_start_becomes_a_turn() -> None:
    found = turn_codec.turn_from_proto(start(), "acme")
    assert (found.tenant_id, found.agent_id, found.session_id, found.turn_id) == (
        "acme",
        "desk",
        "ses_1",
        "trn_1",
    )
    assert (found.attempt, found.epoch, found.cause, found.config_version) == (2, 9, turn.Cause.TIMER, 4)
    assert found.text == "hello\nyou"
    assert found.state == STATE
    assert found.history == (turn.Exchange("a", "b"),)
    assert found.customer_data == {"city": "Rome"}
    assert found.trigger == {"due": 1}
    assert found.artifact("tool_plan") is not None


def test_an_effect_without_a_policy_is_read_with_care() -> None:
    assert turn_codec.turn_from_proto(start(), "acme").prior_effects == (
        turn.PriorEffect("pay", SideEffect.IRREVERSIBLE, happened=True),
        turn.PriorEffect("label", SideEffect.IDEMPOTENT, happened=False),
        turn.PriorEffect("hold", SideEffect.COMPENSATABLE, happened=True, doubtful=True, effect_id="eff_3"),
        turn.PriorEffect("hold", SideEffect.COMPENSATABLE, happened=False, effect_id="eff_4"),
    )


@pytest.mark.parametrize("field", ["turn_id", "turn_group_id"])
def test_a_start_without_an_id_is_refused(field: str) -> None:
    broken = start()
    broken.ClearField(field)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument) as caught:
        turn_codec.turn_from_proto(broken, "acme")
    assert caught.value.violations[0].field == f"start.{field}"


def test_a_value_that_is_no_json_is_refused() -> None:
    broken = start()
    broken.session.state.variables_json["x"] = "{"
    with pytest.raises(errors.InvalidArgument):
        turn_codec.turn_from_proto(broken, "acme")


def test_a_result_is_written_whole() -> None:
    wire = result_codec.result_to_proto(
        turn.Result(
            answered_message_ids=("m1",),
            reply=("Hello.", "There."),
            outcome=turn.Outcome.REDIRECTED,
            state=STATE,
            config_version=4,
            matched_rule_ids=("r",),
            tools=(turn.ToolUse("pay", "in_doubt", "eff_1", "timeout"),),
            usage=turn.Usage(1, 2, 3, 4, ("large",)),
            commit_point_reached=True,
            phase_ms={"P4": 1.5},
            expects_more_input=True,
        )
    )
    assert [(s.index, s.text, s.content_type) for s in wire.reply] == [
        (0, "Hello.", turn_pb2.CONTENT_TYPE_TEXT),
        (1, "There.", turn_pb2.CONTENT_TYPE_TEXT),
    ]
    assert wire.outcome == turn_pb2.TURN_OUTCOME_REDIRECTED
    assert wire.mutations.state == state_codec.to_proto(STATE)
    assert wire.tools[0] == turn_pb2.ToolUse(
        tool_name="pay", status="in_doubt", effect_id="eff_1", error_reason="timeout"
    )
    assert (wire.usage.llm_calls, wire.usage.prompt_characters, list(wire.usage.models)) == (1, 4, ["large"])
    assert (wire.commit_point_reached, wire.expects_more_input, wire.phase_ms["P4"]) == (True, True, 1.5)


@pytest.mark.parametrize("action", turn.Action)
@pytest.mark.parametrize("point", turn.InterruptPoint)
def test_a_decision_names_its_action_and_point(action: turn.Action, point: turn.InterruptPoint) -> None:
    wire = result_codec.decision_to_proto(turn.Decision(action, point, "why", ("m2",)))
    assert event_pb2.SupersedeAction.Name(wire.action) == f"SUPERSEDE_ACTION_{action.name}"
    assert event_pb2.InterruptPoint.Name(wire.interrupt_point) == f"INTERRUPT_POINT_{point.name}"
    assert (wire.reason, list(wire.message_ids)) == ("why", ["m2"])


@pytest.mark.parametrize("strategy", turn.AbsorbStrategy)
def test_an_absorb_names_its_strategy(strategy: turn.AbsorbStrategy) -> None:
    point = turn.InterruptPoint.PRE_COMMIT
    wire = result_codec.decision_to_proto(turn.Decision(turn.Action.ABSORB, point, "", (), strategy))
    assert event_pb2.AbsorbStrategy.Name(wire.absorb_strategy) == f"ABSORB_STRATEGY_{strategy.name}"


@pytest.mark.parametrize("action", [None, *turn.Action])
def test_the_channels_default_is_read(action: turn.Action | None) -> None:
    name = action.name if action else "UNSPECIFIED"
    value = event_pb2.SupersedeAction.Value(f"SUPERSEDE_ACTION_{name}")
    start = turn_run_pb2.TurnStart(turn_id="trn_1", turn_group_id="grp_1", supersede_default=value)
    start.session.session_id, start.session.agent_id = "ses_1", "desk"
    assert turn_codec.turn_from_proto(start, "acme").supersede_default is action


def test_an_event_carries_canonical_json() -> None:
    event = turn.Event("tool", "finished", {"b": 1, "a": [2]}, turn.Severity.WARN)
    wire = result_codec.event_to_proto(event)
    assert (wire.category, wire.type, wire.payload_json) == ("tool", "finished", '{"a":[2],"b":1}')
    assert wire.severity == event_pb2.EVENT_SEVERITY_WARN


def test_a_plan_is_sent_to_be_acknowledged() -> None:
    wire = result_codec.artifact_to_proto(turn.Artifact("tool_plan", "{}", "aa", "bb"))
    assert (wire.acknowledge, wire.input_fingerprint, wire.dependency_fingerprint) == (True, "aa", "bb")
