import asyncio
from typing import Any

import grpc.aio
import pytest

from focal_turn_gateway import errors
from focal_turn_gateway.adapters.pipeline_client import GrpcPipelineRun
from tests.fakes.turn_gateway import message


class Call:
    """A call whose writes take a moment and must not overlap, as grpc's must not."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.written: list[str] = []
        self._writing = False
        self._failure = failure

    async def write(self, request: Any) -> None:
        if self._failure:
            raise self._failure
        if self._writing:
            raise grpc.aio.InternalError("Failed grpc_call_start_batch: 8")
        self._writing = True
        await asyncio.sleep(0.001)
        self._writing = False
        self.written.append(request.WhichOneof("frame"))


async def test_facts_and_acknowledgements_are_written_one_after_the_other() -> None:
    call: Any = Call()
    run = GrpcPipelineRun(call)
    await asyncio.gather(
        *(run.tell_pending([message(1)]) for _ in range(5)), *(run.tell_stored("plan") for _ in range(5))
    )
    assert sorted(call.written) == ["artifact_stored"] * 5 + ["pending"] * 5


@pytest.mark.parametrize(
    "failure", [grpc.aio.InternalError("closed"), asyncio.InvalidStateError("RPC already finished.")]
)
async def test_a_stream_that_is_over_fails_the_attempt_and_may_be_tried_again(failure: Exception) -> None:
    call: Any = Call(failure)
    with pytest.raises(errors.AttemptFailed) as caught:
        await GrpcPipelineRun(call).tell_stored("plan")
    assert not caught.value.fatal
