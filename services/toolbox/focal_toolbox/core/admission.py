"""Lets calls through to their hosts, as many as tenants and hosts can take and while it is worth it.

All of it happens before anything is reserved: a call that is held back leaves no row and no doubt.
"""

from __future__ import annotations

import cachetools

from focal_kernel.clock import Clock
from focal_service_kit import logging
from focal_toolbox import errors
from focal_toolbox.core.berths import Berth, Berths
from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.circuit import Circuit, Position, Rules
from focal_toolbox.ports.limits import LimitMeter, TenantCaps

_log = logging.get("admission")


class Admission:
    """Places and circuits of this process; of the circuits the latest `circuits_kept` are remembered. Each is
    one tenant's at one host: a tenant's tool that is short of time would otherwise close the host to all.
    """

    def __init__(
        self,
        berths: Berths,
        caps: TenantCaps,
        rules: Rules,
        circuits_kept: int,
        meter: LimitMeter,
        clock: Clock,
    ) -> None:
        self._berths = berths
        self._caps = caps
        self._rules = rules
        self._circuits: cachetools.LRUCache[tuple[str, str], Circuit] = cachetools.LRUCache(circuits_kept)
        self._meter = meter
        self._clock = clock

    async def admit(self, tenant_id: str, host: str) -> Permit:
        """Wait for a place; Refusal TOOLBOX_BUSY or CIRCUIT_OPEN, both with when to try again."""
        circuit = self._circuit(tenant_id, host)
        try:
            self._check(circuit)
            berth = await self._take(tenant_id, host)
            try:
                self._check(circuit)
            except errors.Refusal:
                berth.leave()
                raise
        except errors.Refusal as refusal:
            self._meter.held_back(tenant_id, refusal.reason)
            raise
        watched = Watched(circuit, tenant_id, host, self._meter, self._clock)
        return Permit(berth, watched, trial=watched.begin())

    async def _take(self, tenant_id: str, host: str) -> Berth:
        began = self._clock.monotonic()
        berth = await self._berths.take(tenant_id, self._caps.of(tenant_id), host)
        self._meter.waited(self._clock.monotonic() - began)
        return berth

    def _check(self, circuit: Circuit) -> None:
        if left := circuit.closed_for(self._clock.monotonic()):
            text = "the provider failed too often lately; it is tried again in a while"
            raise errors.Refusal("CIRCUIT_OPEN", text, passing=True, retry_after_s=left)

    def _circuit(self, tenant_id: str, host: str) -> Circuit:
        circuit = self._circuits.get((tenant_id, host))
        if circuit is None:
            circuit = self._circuits[tenant_id, host] = Circuit(self._rules)
        return circuit


class Watched:
    """A circuit whose changes are told."""

    def __init__(self, circuit: Circuit, tenant_id: str, host: str, meter: LimitMeter, clock: Clock) -> None:
        self._circuit = circuit
        self._tenant_id = tenant_id
        self._host = host
        self._meter = meter
        self._clock = clock

    def begin(self) -> bool:
        """As `Circuit.begin`."""
        before = self._circuit.position
        trial = self._circuit.begin(self._clock.monotonic())
        self._tell(before)
        return trial

    def answered(self, *, failed: bool, trial: bool) -> None:
        """As `Circuit.answered`."""
        before = self._circuit.position
        self._circuit.answered(self._clock.monotonic(), failed=failed, trial=trial)
        self._tell(before)

    def abandoned(self) -> None:
        """As `Circuit.abandoned`."""
        self._circuit.abandoned()

    def _tell(self, before: Position) -> None:
        now = self._circuit.position
        if now is not before:
            self._meter.circuit(self._host, now)
            level = _log.warning if now is Position.OPEN else _log.info
            level("circuit changed", tenant=self._tenant_id, host=self._host, position=now.value)


class Permit:
    """What a call holds while it is under way. Every answer of its host is told; it is given back once."""

    def __init__(self, berth: Berth, circuit: Watched, *, trial: bool) -> None:
        self._berth = berth
        self._circuit = circuit
        self._trial = trial

    def answered(self, answer: Answer) -> None:
        """A request of the call ended."""
        trial, self._trial = self._trial, False
        self._circuit.answered(failed=answer.host_failed, trial=trial)

    def give_back(self) -> None:
        """The call has ended, or does not begin."""
        if self._trial:
            self._trial = False
            self._circuit.abandoned()
        self._berth.leave()
