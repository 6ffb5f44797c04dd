"""ToolGatewayService on the wire; only services may call it."""

# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from typing import Any

from focal.toolbox.v1 import tool_gateway_service_pb2 as pb
from focal.toolbox.v1.tool_gateway_service_pb2_grpc import ToolGatewayServiceServicer
from focal_toolbox.core.invoking import Invocation, Operation
from focal_toolbox.transport import callers, codec


class GatewayServicer(ToolGatewayServiceServicer):
    """Decodes, calls the core, encodes."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    async def Invoke(self, request: pb.InvokeRequest, context: Any) -> pb.InvokeResponse:
        caller = callers.internal()
        operation = Operation(
            tenant_id=caller.tenant_id,
            provider=request.provider,
            config_json=request.provider_config_json,
            arguments_json=request.arguments_json,
            idempotency_key=request.idempotency_key,
            repeatable=request.retryable,
        )
        return pb.InvokeResponse(result=codec.result_to_proto(await self._invocation.invoke(operation)))

    async def ListProviders(self, request: pb.ListProvidersRequest, context: Any) -> pb.ListProvidersResponse:
        callers.internal()
        providers = [
            pb.Provider(name=name, available=found.available, reason=found.reason)
            for name, found in self._invocation.providers().items()
        ]
        return pb.ListProvidersResponse(providers=providers)
