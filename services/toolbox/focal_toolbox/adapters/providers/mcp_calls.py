"""Provider `mcp`: one tool of a server that the operator named.

A definition names a server of the settings and nothing of how it is reached: a bundle must not be able to
start a program or to choose where a secret goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

import cachetools
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focal_kernel import canonical_json
from focal_toolbox import errors
from focal_toolbox.adapters.providers import mcp_answer, mcp_wire, templates
from focal_toolbox.adapters.providers.mcp_sessions import Busy, Server, Sessions, Unreachable
from focal_toolbox.adapters.secrets import Secrets
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.redaction import Redaction
from focal_toolbox.domain.result import Progress
from focal_toolbox.ports.providers import Availability, Handover, Notify
from focal_toolbox.settings.mcp import McpServer

KEY = "focal/idempotency-key"
HANDOVER = "focal/result-token"
HANDOVER_VARIABLE = "RESULT_TOKEN"
CONFIGS_KEPT = 1024
MESSAGE_LENGTH = 200
GRACE_S = 0.25
"""Seconds that the SDK may be late with its own time limit."""


class Config(BaseModel):
    """`provider_config` of a tool. Without `arguments`, all arguments are handed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str = Field(min_length=1)
    tool: str = Field(min_length=1)
    arguments: Any = None
    errors: Literal["unknown", "refused"] = "unknown"


class McpProvider:
    """Builds calls to `servers`; `secrets` knows the values of `${NAME}`."""

    def __init__(
        self, servers: Mapping[str, McpServer], sessions: Sessions, secrets: Secrets, answer_bytes: int
    ) -> None:
        self._servers = servers
        self._sessions = sessions
        self._secrets = secrets
        self._answer_bytes = answer_bytes
        self._configs: cachetools.LRUCache[str, Config] = cachetools.LRUCache(CONFIGS_KEPT)

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> McpDispatch:
        filling = templates.Filling(arguments, self._secrets.values(tenant_id))
        return self._prepared(tenant_id, config_json, filling)

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> McpDispatch:
        """With the token in `_meta`, and in whatever template of the arguments names `${RESULT_TOKEN}`."""
        variables = {**self._secrets.values(tenant_id), HANDOVER_VARIABLE: handover.token}
        filling = templates.Filling(arguments, variables)
        return self._prepared(tenant_id, config_json, filling, handover.token)

    def _prepared(
        self, tenant_id: str, config_json: str, filling: templates.Filling, result_token: str = ""
    ) -> McpDispatch:
        config = self._config(config_json)
        server = self._server(tenant_id, config.server)
        given = (
            filling.body(config.arguments) if "arguments" in config.model_fields_set else filling.arguments
        )
        return McpDispatch(
            self._sessions,
            server,
            config.tool,
            _plain(given or {}),
            {HANDOVER: result_token} if result_token else {},
            self._answer_bytes,
            config.errors == "refused",
            Redaction([result_token]),
        )

    def _server(self, tenant_id: str, name: str) -> Server:
        found = self._servers.get(name)
        if found is None or (found.tenants and tenant_id not in found.tenants):
            raise _unusable(f"the toolbox setting mcp.servers has no {name[:64]!r} for this tenant")
        fill = templates.Filling({}, self._secrets.values(tenant_id)).variables_only
        return Server(
            name,
            (found.command, *map(fill, found.args)) if found.command else (),
            tuple((key, fill(value)) for key, value in found.env.items()),
            fill(found.url),
            tuple((key, fill(value)) for key, value in found.headers.items()),
        )

    def _config(self, config_json: str) -> Config:
        known = self._configs.get(config_json)
        if known is None:
            known = self._configs[config_json] = _parse(config_json)
        return known


def _untold(progress: Progress) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class McpDispatch:
    """A call that is ready to be made."""

    sessions: Sessions
    server: Server
    tool: str
    arguments: Mapping[str, Any]
    meta: Mapping[str, str]
    answer_bytes: int
    errors_refuse: bool
    redaction: Redaction
    notify: Notify = _untold

    @property
    def host(self) -> str:
        return f"mcp:{self.server.name}"

    def telling(self, notify: Notify) -> McpDispatch:
        return replace(self, notify=notify)

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        return self.redaction.answer(await self._sent(idempotency_key, timeout_s))

    async def _sent(self, key: str, timeout_s: float) -> Answer:
        until = asyncio.get_running_loop().time() + timeout_s
        wire = mcp_wire.Wire()
        try:
            async with (
                asyncio.timeout_at(until + 2 * GRACE_S),
                self.sessions.connected(self.server) as client,
            ):
                answer = await self._called(client, key, until, wire)
        except Unreachable:
            return mcp_answer.unreachable()
        except Busy:
            return mcp_answer.busy()
        except TimeoutError:
            return mcp_answer.late(sent=wire.sent)
        if mcp_answer.ends_session(answer):
            self.sessions.forget(self.server)
        return answer

    async def _called(self, client: Client, key: str, until: float, wire: mcp_wire.Wire) -> Answer:
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            return mcp_answer.late(sent=False)
        # What a command reads cannot be seen from here.
        wire.sent = bool(self.server.command)
        token = mcp_wire.current.set(wire)
        task = asyncio.create_task(self._result(client, key, left), name=f"mcp call {self.tool}")
        mcp_wire.current.reset(token)
        try:
            # Not asyncio.timeout: the SDK takes seconds to let go of a server that does not read.
            await asyncio.wait({task}, timeout=left + GRACE_S)
        finally:
            task.cancel()
        if not task.done():
            return mcp_answer.late(sent=wire.sent)
        return self._judged(task, wire)

    async def _result(self, client: Client, key: str, timeout_s: float) -> Any:
        meta: Any = {**self.meta, **({KEY: key} if key else {})}
        return await client.call_tool(
            self.tool,
            dict(self.arguments),
            read_timeout_seconds=timeout_s,
            progress_callback=self._progress,
            meta=meta or None,
        )

    def _judged(self, task: asyncio.Task[Any], wire: mcp_wire.Wire) -> Answer:
        if task.cancelled():
            return mcp_answer.late(sent=wire.sent)
        failure = task.exception()
        if failure is None:
            return mcp_answer.of_result(task.result(), self.answer_bytes, errors_refuse=self.errors_refuse)
        if isinstance(failure, MCPError):
            return mcp_answer.of_error(failure, wire, self.answer_bytes)
        return mcp_answer.unreadable() if wire.sent else mcp_answer.unreachable()

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        share = min(max(progress / total, 0.0), 1.0) if total else 0.0
        self.notify(Progress((message or "")[:MESSAGE_LENGTH], share))


def _plain(value: Any) -> Any:
    """JSON's numbers as the SDK writes them; Refusal for one that a binary float would change."""
    match value:
        case Decimal():
            number = float(value)
            if Decimal(repr(number)) != value:
                raise errors.Refusal(
                    "INVALID_TOOL_ARGUMENTS", "a number has more digits than an MCP server can be told"
                )
            return number
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    return value


def _parse(config_json: str) -> Config:
    try:
        return Config.model_validate(canonical_json.loads(config_json))
    except ValidationError as error:
        keys = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors()}))
        raise _unusable(f"the provider configuration is not valid at {keys}") from None
    except ValueError:
        raise _unusable("the provider configuration is no JSON") from None


def _unusable(message: str) -> errors.Refusal:
    return errors.Refusal("PROVIDER_NOT_CONFIGURED", message)
