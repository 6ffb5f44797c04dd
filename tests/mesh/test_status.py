"""The README's status table says what the running services do: nothing pretends, nothing is kept quiet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pool

from focal.config.v1 import (
    config_admin_service_pb2,
    config_watcher_service_pb2,
    tenant_service_pb2,
    tool_catalogue_service_pb2,
)
from focal.memory.v1 import customer_data_service_pb2, memory_service_pb2
from focal.pipeline.v1 import pipeline_service_pb2
from focal.toolbox.v1 import tool_gateway_service_pb2, tool_policy_service_pb2, toolbox_service_pb2
from focal.turn.v1 import (
    abuse_service_pb2,
    channel_service_pb2,
    contact_service_pb2,
    dead_letter_service_pb2,
    delivery_service_pb2,
    event_service_pb2,
    receipt_service_pb2,
    session_service_pb2,
    turn_gateway_service_pb2,
    webhook_service_pb2,
)
from focal_client import errors
from tests.mesh.conftest import Desk

HOSTS = {
    turn_gateway_service_pb2: "turn_gateway",
    session_service_pb2: "turn_gateway",
    channel_service_pb2: "turn_gateway",
    contact_service_pb2: "turn_gateway",
    receipt_service_pb2: "turn_gateway",
    dead_letter_service_pb2: "turn_gateway",
    delivery_service_pb2: "turn_gateway",
    event_service_pb2: "turn_gateway",
    abuse_service_pb2: "turn_gateway",
    webhook_service_pb2: "turn_gateway",
    pipeline_service_pb2: "pipeline",
    toolbox_service_pb2: "toolbox",
    tool_gateway_service_pb2: "toolbox",
    tool_policy_service_pb2: "toolbox",
    memory_service_pb2: "memory",
    customer_data_service_pb2: "memory",
    config_watcher_service_pb2: "config_watcher",
    config_admin_service_pb2: "config_watcher",
    tenant_service_pb2: "config_watcher",
    tool_catalogue_service_pb2: "config_watcher",
}
SERVICES = {
    name: host
    for module, host in HOSTS.items()
    for name in (service.full_name for service in module.DESCRIPTOR.services_by_name.values())
}


def promised() -> dict[str, bool]:
    """Full method name to whether this release has it, as the README's table says."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+\.v1\.\w+)` \|(.*?)\|(.*?)\|$", readme, re.MULTILINE)
    return {
        f"/focal.{service}/{method}": present
        for service, now, later in rows
        for cell, present in ((now, True), (later, False))
        for method in re.findall(r"`(\w+)`", cell)
    }


def test_the_table_names_every_call_of_the_contracts() -> None:
    pool = descriptor_pool.Default()
    contracts = {
        f"/{service}/{method}"
        for service in SERVICES
        for method in pool.FindServiceByName(service).methods_by_name
    }
    assert set(promised()) == contracts


async def _reason(desk: Desk, method: str) -> str:
    """Why an empty request of an operator is refused; empty when it is not."""
    service = method.split("/")[1]
    metadata = (("authorization", f"Bearer {desk.connection.operator_token()}"),)
    async with grpc.aio.insecure_channel(desk.mesh.target(SERVICES[service])) as channel:
        # An empty message is the same bytes whether the method streams its requests or not.
        method_call: Any = channel.unary_stream(method)
        call = method_call(b"", timeout=5, metadata=metadata)
        try:
            async for _ in call:
                call.cancel()
                return ""
        except grpc.aio.AioRpcError as failure:
            return errors.from_rpc(failure).reason
    return ""


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("method", sorted(promised()))
async def test_a_call_answers_not_implemented_exactly_when_the_table_says_later(
    desk: Desk, method: str
) -> None:
    reason = await _reason(desk, method)
    assert (reason == "NOT_IMPLEMENTED") is not promised()[method], reason
