"""kill -9 while the reply is being written: what an earlier phase had found is not worked out again."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from focal.turn.v1 import turn_pb2
from tests.chaos.harness import rig as rigs
from tests.chaos.harness.rig import Rig
from tests.doubles import openai_server
from tests.doubles.model_script import Asked, Fault, Reply
from tests.fakes.until import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

WHY = "Why does it come back?"


@dataclass
class Thinking:
    """A mesh whose pipeline asks the double, and what was asked."""

    rig: Rig
    double: openai_server.OpenAIDouble
    replies: int = 0

    def answer(self, asked: Asked) -> Reply:
        """The values are read, slowly enough to be kept; the first reply is never written to its end."""
        if "response_format" in asked.body:
            return Reply(text=json.dumps({"return_reason": None}), fault=Fault(first_token_delay_s=0.2))
        self.replies += 1
        return Reply(text=WHY, fault=Fault(hang=self.replies == 1))

    @property
    def readings(self) -> int:
        """How often a model was asked for the values in the text: the call of P6."""
        return sum("response_format" in asked.body for asked in self.double.requests)

    async def kept(self, turn_of: str) -> bool:
        """Whether the result of P6 is stored for the turn that runs in a session."""
        found = await self.rig.row(
            "SELECT count(*) AS kept FROM turns.artifacts a, turns.sessions s"
            " WHERE s.session_id = $1 AND a.turn_id = s.open_turn_id AND a.name = 'orchestration'",
            turn_of,
        )
        return found.get("kept") == 1

    async def hits(self) -> float:
        """How often the pipeline that runs now has reused what P6 found."""
        url = self.rig.mesh.metrics("pipeline")
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read().decode())
        samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
        wanted = {"phase": "P6", "outcome": "hit"}
        return sum(
            s.value
            for s in samples
            if s.name == "focal_pipeline_artifacts_total" and wanted.items() <= s.labels.items()
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def thinking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Thinking]:
    async with openai_server.running() as double:
        env = {"FOCAL_LLM_BASE_URL": double.base_url, "FOCAL_LLM_MODEL": "double-large"}
        root = tmp_path_factory.mktemp("thinking")
        async with rigs.running(root, gateways=["turn_gateway"], env={"pipeline": env}) as rig:
            yield Thinking(rig, double)


@pytest.mark.parametrize("process", ["pipeline", "turn_gateway"])
async def test_a_model_that_was_asked_before_the_kill_is_not_asked_again(
    thinking: Thinking, process: str
) -> None:
    rig = thinking.rig
    await rig.all_ready()
    thinking.double.reset()
    thinking.replies = 0
    thinking.double.chat.answer_by(thinking.answer)
    hits_before = await thinking.hits() if process == "turn_gateway" else 0
    ada = rig.customer()
    saying = await ada.say(f"I want to return order {ada.order}")
    await until(lambda: thinking.replies == 1, "the reply is being written", 20)
    await until(lambda: thinking.kept(saying.acknowledged[0].session_id), "what P6 found is stored", 20)
    rig.kill(process)
    turn = await ada.answer(saying)
    assert (turn.status, turn.attempt > 1) == (turn_pb2.TURN_STATUS_COMPLETE, True)
    assert turn.reply[0].text == WHY
    assert (thinking.readings, thinking.replies) == (1, 2)
    assert await thinking.hits() == hits_before + 1
