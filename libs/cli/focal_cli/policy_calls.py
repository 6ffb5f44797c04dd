"""The calls about tool policies. All raise CallFailed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from focal.toolbox.v1 import tool_policy_pb2
from focal.toolbox.v1 import tool_policy_service_pb2 as pb
from focal.toolbox.v1 import tool_policy_service_pb2_grpc as api
from focal_cli.connection import Connection
from focal_client import calls
from focal_kernel import ids

TIMEOUT_S = 10.0
LARGEST_PAGE = 100


async def rules(connection: Connection) -> pb.ListRulesResponse:
    """All rules of the tenant in their order, and what holds otherwise."""
    request = pb.ListRulesRequest(page_size=LARGEST_PAGE)
    found = pb.ListRulesResponse()
    async with _stub(connection) as stub:
        while True:
            page = await calls.unary(stub.ListRules, request, connection.token, TIMEOUT_S)
            found.rules.extend(page.rules)
            found.otherwise = page.otherwise
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


async def put(connection: Connection, rule: tool_policy_pb2.ToolPolicyRule) -> tool_policy_pb2.ToolPolicyRule:
    """Store a rule."""
    request = pb.PutRuleRequest(rule=rule, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        return (await calls.unary(stub.PutRule, request, connection.token, TIMEOUT_S)).rule


async def remove(connection: Connection, rule_id: str) -> None:
    """Remove a rule."""
    request = pb.DeleteRuleRequest(rule_id=rule_id, request_id=ids.new_id("req"))
    async with _stub(connection) as stub:
        await calls.unary(stub.DeleteRule, request, connection.token, TIMEOUT_S)


async def explain(connection: Connection, request: pb.ExplainCallRequest) -> pb.ExplainCallResponse:
    """What would be decided of a call."""
    async with _stub(connection) as stub:
        return await calls.unary(stub.ExplainCall, request, connection.token, TIMEOUT_S)


@asynccontextmanager
async def _stub(connection: Connection) -> AsyncIterator["api.ToolPolicyServiceAsyncStub"]:
    async with connection.channel("toolbox") as channel:
        yield api.ToolPolicyServiceStub(channel)
