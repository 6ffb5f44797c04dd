"""`focal send`, `chat` and `watch` against a scripted gateway."""

import grpc

from focal.turn.v1 import event_pb2, message_pb2
from focal.turn.v1 import turn_gateway_service_pb2 as gateway
from tests.fakes import gateway_server
from tests.fakes.gateway_server import FakeGateway, FakeStream, completed
from tests.unit.cli.conftest import FakeMesh


async def echo(stream: FakeStream) -> None:
    await stream.open()
    offset = 0
    while True:
        offset += 1
        message = await stream.accept(f"msg_{offset}")
        said = f"you said {message.content.text}"
        await stream.send(text_delta=gateway.TextDelta(turn_id="trn", attempt=1, text=said))
        await stream.send(event=completed(offset, said, f"msg_{offset}"))


async def test_a_chat_answers_every_line_and_ends_with_its_input(fake_mesh: FakeMesh) -> None:
    async with gateway_server.serving(FakeGateway([echo])) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("chat", "--json", stdin="hello\n\nbye\n")
    replies = [document["text"] for document in outcome.documents if document["type"] == "reply"]
    assert replies == ["you said hello", "you said bye"]
    assert outcome.code == 0


async def test_streamed_text_is_not_repeated_as_the_reply(fake_mesh: FakeMesh) -> None:
    async with gateway_server.serving(FakeGateway([echo])) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("chat", stdin="hello\n")
    assert outcome.output.count("you said hello") == 1


async def test_a_watched_session_prints_offsets_and_replies_until_it_is_refused(
    fake_mesh: FakeMesh,
) -> None:
    frame = gateway.WatchSessionResponse(event=completed(1, "Hello", "msg_1"))
    refused = grpc.StatusCode.NOT_FOUND
    async with gateway_server.serving(FakeGateway(watch=[[frame], refused])) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("watch", "ses_1")
    assert "turn completed" in outcome.output
    assert "Hello" in outcome.output
    assert outcome.code == 1


async def absorbing(stream: FakeStream) -> None:
    await stream.open()
    await stream.accept("msg_1")
    await stream.accept("msg_2")
    decided = event_pb2.SupersedeDecided(
        action=event_pb2.SUPERSEDE_ACTION_ABSORB,
        absorb_strategy=event_pb2.ABSORB_STRATEGY_RESTART,
        reason="it adds the order_id",
        message_ids=["msg_2"],
        restart=1,
    )
    await stream.send(text_delta=gateway.TextDelta(turn_id="trn", attempt=1, text="Which order?"))
    await stream.send(event=event_pb2.FabricEvent(offset=1, turn_id="trn", supersede_decided=decided))
    await stream.send(text_reset=gateway.TextReset(turn_id="trn", attempt=1, restart=1))
    await stream.send(text_delta=gateway.TextDelta(turn_id="trn", attempt=1, text="Refunded.", restart=1))
    done = completed(2, "Refunded.", "msg_1")
    done.turn_completed.turn.message_ids.append("msg_2")
    await stream.send(event=done)


async def test_a_chat_says_what_became_of_a_message_and_shows_the_new_text_once(fake_mesh: FakeMesh) -> None:
    async with gateway_server.serving(FakeGateway([absorbing])) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("chat", stdin="refund\n10003\n")
    assert "your new message joins this turn: it adds the order_id" in outcome.output
    assert "starting over" in outcome.output
    assert outcome.output.count("Refunded.") == 1


async def asking(stream: FakeStream) -> None:
    """The desk asks before it pays; the customer answers by a frame."""
    await stream.open()
    await stream.accept("msg_1")
    asked = '{"confirmation_id": "cnf_1", "tool": "pay", "prompt": "Sure?", "approver": "customer"}'
    agent = event_pb2.AgentEvent(category="tool", type="confirmation.requested", payload_json=asked)
    name = "tool.confirmation.requested"
    await stream.send(event=event_pb2.FabricEvent(offset=1, name=name, agent=agent))
    await stream.send(event=completed(2, "Sure?", "msg_1"))
    confirm = (await stream.frame()).confirm
    assert (confirm.confirmation_id, confirm.accepted) == ("cnf_1", True)
    confirmed = gateway.AnswerConfirmed(request_id=confirm.request_id, turn_id="trn_3")
    await stream.send(confirmed=confirmed)
    await stream.send(event=completed(3, "Paid."))


async def test_a_question_is_shown_in_a_chat_and_answered_there(fake_mesh: FakeMesh) -> None:
    async with gateway_server.serving(FakeGateway([asking])) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("chat", stdin="refund\n/yes\n")
    assert "pay waits for a yes: answer in words, or /yes or /no" in outcome.output
    assert outcome.output.count("Paid.") == 1


async def test_a_watched_session_shows_each_decision_with_its_reason(fake_mesh: FakeMesh) -> None:
    decided = event_pb2.SupersedeDecided(
        action=event_pb2.SUPERSEDE_ACTION_QUEUE, reason="the refund runs", message_ids=["msg_2"]
    )
    done = completed(2, "Paid", "msg_1")
    done.turn_completed.turn.dispositions["msg_1"] = message_pb2.MESSAGE_DISPOSITION_ABSORBED
    frames = [
        gateway.WatchSessionResponse(event=event_pb2.FabricEvent(offset=1, supersede_decided=decided)),
        gateway.WatchSessionResponse(event=done),
    ]
    async with gateway_server.serving(FakeGateway(watch=[frames, grpc.StatusCode.NOT_FOUND])) as target:
        fake_mesh.at({"turn_gateway": target})
        outcome = await fake_mesh.terminal.focal("watch", "ses_1")
    assert "queue (msg_2): the refund runs" in outcome.output
    assert "Paid (msg_1 absorbed)" in outcome.output


async def test_without_a_mesh_the_error_says_how_to_start_one(fake_mesh: FakeMesh) -> None:
    outcome = await fake_mesh.terminal.focal("send", "hello")
    assert outcome.code == 1
    assert "still starting" in outcome.errors
    assert "Traceback" not in outcome.errors


async def test_a_gateway_that_is_away_is_one_line(fake_mesh: FakeMesh) -> None:
    fake_mesh.at({"turn_gateway": "127.0.0.1:1"})
    outcome = await fake_mesh.terminal.focal("chat", "--json")
    assert outcome.code == 1
    assert set(outcome.documents[0]["error"]) == {"reason", "message", "mend"}
