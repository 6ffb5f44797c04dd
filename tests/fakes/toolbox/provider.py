"""A provider that answers by script, and the answers that it mostly gives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from focal_toolbox import errors
from focal_toolbox.domain.answer import Answer, Verdict
from focal_toolbox.ports.providers import Availability, Handover

DONE = Answer(Verdict.DONE, result_json='{"ok":true}')
REFUSED = Answer(Verdict.UNCHANGED, reason="order_not_found", message="no")
LOST = Answer(Verdict.UNKNOWN, reason="timeout", message="no answer", transient=True)


@dataclass
class ScriptedProvider:
    """A Provider and the Dispatch it prepares: gives `answers` one by one, the last one again and again.

    An exception among them is raised; `hold` keeps every answer back until it is set.
    """

    answers: list[Answer | Exception] = field(default_factory=lambda: [DONE])
    keys: list[str] = field(default_factory=list)
    arguments: list[Mapping[str, Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: errors.Refusal | None = None
    host: str = "shop"
    handovers: list[Handover] = field(default_factory=list)

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> ScriptedProvider:
        if self.refusal is not None:
            raise self.refusal
        self.arguments.append(arguments)
        return self

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> ScriptedProvider:
        self.handovers.append(handover)
        return self.prepare(tenant_id, config_json, arguments)

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        self.keys.append(idempotency_key)
        self.sent.set()
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
