"""`focal effects` against a scripted toolbox."""

from dataclasses import dataclass, field
from typing import Any

import grpc

from focal.toolbox.v1 import effect_pb2
from focal.toolbox.v1 import toolbox_service_pb2 as pb
from focal.toolbox.v1 import toolbox_service_pb2_grpc as api
from tests.fakes import gateway_server
from tests.fakes.servicers import serving
from tests.unit.cli.conftest import FakeMesh

IN_DOUBT, DONE = effect_pb2.EFFECT_STATE_IN_DOUBT, effect_pb2.EFFECT_STATE_DONE


def effect(effect_id: str, state: Any = IN_DOUBT) -> effect_pb2.Effect:
    return effect_pb2.Effect(
        effect_id=effect_id,
        tool_name="refund_order",
        state=state,
        arguments_json='{"order_id":"10003"}',
        error_reason="toolbox_lost" if state == IN_DOUBT else "",
        checks=3,
    )


@dataclass
class Ledger(api.ToolboxServiceServicer):
    """Two pages of effects; notes what is asked and said."""

    asked: list[pb.ListEffectsRequest] = field(default_factory=list)
    said: list[pb.ResolveEffectRequest] = field(default_factory=list)

    async def ListEffects(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        name, following = {"": ("eff_2", "next"), "next": ("eff_1", "")}[request.page_token]
        return pb.ListEffectsResponse(effects=[effect(name)], next_page_token=following)

    async def GetEffect(self, request: Any, context: Any) -> Any:  # noqa: N802
        words = [
            effect_pb2.EffectResolution(state=DONE, check_tool="get_order", reason="refunded is true"),
            effect_pb2.EffectResolution(
                state=effect_pb2.EFFECT_STATE_FAILED, resolved_by="ada", reason="seen in the books"
            ),
        ]
        return pb.GetEffectResponse(effect=effect(request.effect_id), resolutions=words)

    async def ResolveEffect(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.effect_id == "eff_9":
            await gateway_server.refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "EFFECT_NOT_RESOLVABLE")
        self.said.append(request)
        return pb.ResolveEffectResponse(effect=effect(request.effect_id, request.state))

    async def CheckEffect(self, request: Any, context: Any) -> Any:  # noqa: N802
        return pb.CheckEffectResponse(
            effect=effect(request.effect_id), finding=pb.CHECK_FINDING_ABSENT, message="ask again later"
        )


async def test_effects_are_listed_shown_and_resolved(fake_mesh: FakeMesh) -> None:
    ledger = Ledger()
    async with serving(api.add_ToolboxServiceServicer_to_server, ledger) as target:
        fake_mesh.at({"toolbox": target})
        focal = fake_mesh.terminal.focal
        listed = await focal("effects", "list", "--json")
        assert [each["effect_id"] for each in listed.documents[0]] == ["eff_2", "eff_1"]
        table = await focal("effects", "list", "--state", "in_doubt", "--session", "ses_1", "--limit", "1")
        for words in ("eff_2", "in doubt", "order_id 10003", "toolbox_lost"):
            assert words in table.output
        shown = await focal("effects", "show", "eff_1")
        for words in ("3 times", "the check get_order", "ada", "seen in the books"):
            assert words in shown.output
        document = (await focal("effects", "show", "eff_1", "--json")).documents[0]
        assert len(document["resolutions"]) == 2
        told = await focal(
            "effects", "resolve", "eff_1", "done", "--reason", "seen", "--result", '{"refund_id":"RF-1"}'
        )
        assert "eff_1 is done" in told.output
        settled = await focal("effects", "resolve", "eff_1", "failed", "--reason", "not there", "--json")
        assert settled.documents[0]["state"] == "EFFECT_STATE_FAILED"
        refused = await focal("effects", "resolve", "eff_9", "done", "--reason", "seen")
        assert (refused.code, "--state in_doubt" in refused.errors) == (1, True)
        assert (await focal("effects", "resolve", "eff_1", "done")).code == 2
        checked = await focal("effects", "check", "eff_1")
        assert "it has not happened" in checked.output
        assert "ask again later" in checked.output
        answer = (await focal("effects", "check", "eff_1", "--json")).documents[0]
        assert answer["finding"] == "CHECK_FINDING_ABSENT"
    assert (ledger.asked[-1].state, ledger.asked[-1].session_id) == (IN_DOUBT, "ses_1")
    done, failed = ledger.said
    assert (done.state, done.reason, done.result_json) == (DONE, "seen", '{"refund_id":"RF-1"}')
    assert done.request_id != failed.request_id
