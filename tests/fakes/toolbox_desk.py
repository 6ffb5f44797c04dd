"""The toolbox's execution on in-memory ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from focal_kernel.clock import Clock, SystemClock
from focal_toolbox.core import checking
from focal_toolbox.core.admission import Admission
from focal_toolbox.core.arguments import Schemas
from focal_toolbox.core.awaiting import Awaiting, Patience
from focal_toolbox.core.batching import Batch
from focal_toolbox.core.bookkeeping import Books, Pauses
from focal_toolbox.core.checking import Checks
from focal_toolbox.core.compensating import Compensation
from focal_toolbox.core.confirming import Confirming
from focal_toolbox.core.delivering import Courier, Retries
from focal_toolbox.core.effecting import Effects, Timing
from focal_toolbox.core.executing import Execution, Timeouts
from focal_toolbox.core.policing import Policing
from focal_toolbox.core.preparing import Preparation
from focal_toolbox.core.promising import Promises
from focal_toolbox.core.reading import Reading
from focal_toolbox.core.reporting import Reporting
from focal_toolbox.core.reusing import Limits, Reuse
from focal_toolbox.core.runs import Runs
from focal_toolbox.core.turn_calls import TurnCalls
from focal_toolbox.domain.batch import Step
from focal_toolbox.domain.compensation import Demand, Undone
from focal_toolbox.domain.confirmation import Approver, Confirmation, Reply
from focal_toolbox.domain.effect import State
from focal_toolbox.domain.order import Attempt, Order
from focal_toolbox.domain.policy import Policy
from focal_toolbox.domain.result import Event, Result
from focal_toolbox.domain.tool import Check, Tool
from focal_toolbox.ports.providers import Availability
from tests.fakes.tool_policy import CountingDecisions, FixedPolicy
from tests.fakes.toolbox import limits
from tests.fakes.toolbox.catalogue import FixedCatalogue
from tests.fakes.toolbox.doubts import MemoryDoubts
from tests.fakes.toolbox.ledger import MemoryLedger
from tests.fakes.toolbox.meters import CountingMeter, CountingReportMeter
from tests.fakes.toolbox.provider import ScriptedProvider
from tests.fakes.toolbox.reports import MemoryReports
from tests.fakes.toolbox.writes import FixedWrites

ATTEMPT = Attempt("acme", "returns_desk", 1, "ses_1", "trn_1", "grp_1", 1, no_pending_messages=True)
ORDER = Order(ATTEMPT, "refund", '{"order_id":"1"}')
_OF_RELEASE = """{"type": "object", "properties": {"order_id": {}, "hold": {}},
    "required": ["order_id", "hold"], "additionalProperties": false}"""
_OF_RECALL = '{"type": "object", "properties": {"order_id": {}}, "required": ["order_id"]}'
TOOLS = (
    Tool("look_up", policy=Policy.PURE),
    Tool("stock", policy=Policy.PURE, fresh_s=60),
    Tool("label", policy=Policy.IDEMPOTENT),
    Tool(
        "refund",
        policy=Policy.IRREVERSIBLE,
        business_key_fields=("order_id",),
        check=Check("look_up", "ok", {"order": "arguments.order_id"}),
    ),
    Tool("keyless", policy=Policy.COMPENSATABLE),
    Tool("disabled", enabled=False),
    Tool(
        "reserve",
        policy=Policy.COMPENSATABLE,
        business_key_fields=("order_id",),
        compensation="release",
        compensation_arguments={"hold": "result.hold.id"},
    ),
    Tool("release", policy=Policy.IDEMPOTENT, schema_json=_OF_RELEASE),
    Tool("ship", policy=Policy.COMPENSATABLE, business_key_fields=("order_id",), compensation="recall"),
    Tool("recall", policy=Policy.IRREVERSIBLE, business_key_fields=("order_id",), schema_json=_OF_RECALL),
    Tool(
        "pay",
        business_key_fields=("order_id",),
        requires_confirmation=True,
        confirmation_prompt="Shall I pay {amount} for order {order_id}?",
    ),
    Tool("peek", policy=Policy.PURE, requires_confirmation=True),
    Tool("ship_later", policy=Policy.IRREVERSIBLE, business_key_fields=("order_id",), asynchronous=True),
    Tool(
        "reserve_later",
        policy=Policy.COMPENSATABLE,
        business_key_fields=("order_id",),
        compensation="recall",
        asynchronous=True,
    ),
    Tool("book", policy=Policy.COMPENSATABLE, business_key_fields=("order_id",), compensation="cancel_later"),
    Tool("cancel_later", policy=Policy.IDEMPOTENT, asynchronous=True, schema_json=_OF_RECALL),
    Tool("hire", policy=Policy.COMPENSATABLE, business_key_fields=("order_id",), compensation="dismiss"),
    Tool(
        "dismiss",
        policy=Policy.IDEMPOTENT,
        schema_json=_OF_RECALL,
        requires_confirmation=True,
        confirmation_prompt="Shall I dismiss the courier of order {order_id}?",
    ),
    Tool("post_later", provider="post", policy=Policy.IDEMPOTENT, asynchronous=True),
    Tool("read_later", policy=Policy.PURE, asynchronous=True),
    Tool("elsewhere", provider="pigeon", policy=Policy.PURE),
)


class Plain:
    """A Provider that knows no late results."""

    def availability(self) -> Availability:
        return Availability(available=True)

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> ScriptedProvider:
        return ScriptedProvider()


@dataclass
class Desk:
    """An Execution on fakes."""

    provider: ScriptedProvider = field(default_factory=ScriptedProvider)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    meter: CountingMeter = field(default_factory=CountingMeter)
    runs: Runs = field(default_factory=Runs)
    catalogue: FixedCatalogue = field(default_factory=lambda: FixedCatalogue(*TOOLS))
    turn_calls: TurnCalls = field(default_factory=lambda: TurnCalls(5, 100, 60))
    clock: Clock = field(default_factory=SystemClock)
    admission: Admission = field(default_factory=limits.admission)
    patience: Patience = field(default_factory=lambda: Patience(wait_s=0.01, poll_s=0.002))
    report_meter: CountingReportMeter = field(default_factory=CountingReportMeter)
    policy: FixedPolicy = field(default_factory=FixedPolicy)
    decisions: CountingDecisions = field(default_factory=CountingDecisions)
    writes: FixedWrites = field(default_factory=FixedWrites)
    kept: Limits = field(default_factory=lambda: Limits(10_000, 1000))
    timing: Timing = field(default_factory=lambda: Timing(poll_s=0.001, wait_s=1))

    def __post_init__(self) -> None:
        self.doubts = MemoryDoubts(self.ledger)
        self.reports = MemoryReports(self.ledger)
        self.awaiting = Awaiting(self.reports, self.ledger, self.clock, self.patience)
        self.reporting = Reporting(self.reports, self.report_meter, self.awaiting.reported)

    async def execute(self, order: Order = ORDER) -> Result:
        return (await self.events(order))[-1]  # type: ignore[return-value]

    async def events(self, order: Order = ORDER) -> list[Event]:
        return [event async for event in self._execution().execute(order)]

    async def batch(self, *steps: Step) -> list[tuple[int, Event]]:
        batch = Batch(self._execution(), self._preparation(), self.meter, max_calls=10)
        return [tagged async for tagged in batch.execute(steps)]

    async def compensate(self, *effect_ids: str, attempt: Attempt = ATTEMPT) -> Undone:
        compensation = Compensation(
            self.ledger, self._preparation(), self._policing(), self._effects(), Timeouts(), 30
        )
        return await compensation.compensate(Demand(attempt, frozenset(effect_ids)))

    def _execution(self) -> Execution:
        return Execution(
            self._preparation(),
            self._policing(),
            Reading(self._courier(), self.reuse, self.confirming(), self.turn_calls),
            self._effects(),
            self.meter,
            self.clock,
            Timeouts(),
        )

    @cached_property
    def reuse(self) -> Reuse:
        return Reuse(self.writes, self._courier(), self.runs, self.clock, self.kept)

    def _policing(self) -> Policing:
        return Policing(self.policy, self.ledger, self.confirming(), self.decisions, self.clock, 0.05)

    def confirming(self) -> Confirming:
        return Confirming(self.ledger.rows.confirmations, dict.fromkeys(Approver, 600.0))

    async def reply(self, accepted: bool, **changes: Any) -> Confirmation:
        """The customer's answer to the newest question."""
        newest = self.ledger.rows.confirmations.rows[-1]
        reply = Reply("acme", "ses_1", newest.confirmation_id, accepted, newest.approver, "somebody")
        return await self.confirming().answer(replace(reply, **changes))

    def _preparation(self) -> Preparation:
        promises = Promises(Timeouts().of, 60, self.patience.wait_s)
        return Preparation(
            self.catalogue, {"http": self.provider, "post": Plain()}, Schemas(8), 1000, promises
        )

    def checks(self, after_s: float = 0) -> Checks:
        return Checks(
            self.ledger,
            self.doubts,
            self._preparation(),
            self._courier(),
            self.meter,
            Timeouts(),
            checking.Patience(after_s=after_s),
        )

    def _courier(self) -> Courier:
        return Courier(Retries(2, 0.001, 0.001), self.clock, self.admission)

    def _effects(self) -> Effects:
        return Effects(
            Books(self.ledger, self.turn_calls, self.runs, Pauses(0.001, 0.002)),
            self._courier(),
            self.runs,
            self.meter,
            self.clock,
            self.timing,
            self.awaiting,
        )

    def state(self) -> State:
        (effect,) = self.ledger.rows.effects.values()
        return effect.state
