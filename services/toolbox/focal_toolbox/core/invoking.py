"""The gateway's side: one operation to a provider, without policy and ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from focal_toolbox import errors
from focal_toolbox.core import arguments
from focal_toolbox.core.delivering import Courier, Plan
from focal_toolbox.domain import result
from focal_toolbox.domain.result import Progress, Result
from focal_toolbox.ports.providers import Availability, Provider


@dataclass(frozen=True, slots=True)
class Operation:
    """What to send and for which tenant: JSON texts as in the tool's definition and call."""

    tenant_id: str
    provider: str
    config_json: str
    arguments_json: str
    idempotency_key: str
    repeatable: bool


class Invocation:
    """Knows the providers by name. `timeout_s` limits one request, in seconds."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        courier: Courier,
        max_arguments_bytes: int,
        timeout_s: float,
    ) -> None:
        self._providers = providers
        self._courier = courier
        self._max_arguments_bytes = max_arguments_bytes
        self._timeout_s = timeout_s

    async def invoke(self, operation: Operation) -> Result:
        """Send it; BadRequest when the arguments are no JSON object."""
        given = arguments.read(operation.arguments_json, self._max_arguments_bytes)
        try:
            provider = self._find(operation.provider)
            dispatch = provider.prepare(operation.tenant_id, operation.config_json, given.values)
            permit = await self._courier.admit(operation.tenant_id, dispatch)
        except errors.Refusal as refusal:
            return result.refused("", refusal)
        plan = Plan(operation.idempotency_key, operation.repeatable, self._timeout_s, math.inf)
        try:
            delivery = await self._courier.deliver(dispatch, plan, _untold, permit)
        finally:
            permit.give_back()
        return result.of_delivery(delivery)

    def providers(self) -> Mapping[str, Availability]:
        """Every provider by name and whether it can be used."""
        return {name: self._providers[name].availability() for name in sorted(self._providers)}

    def _find(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            raise errors.Refusal("PROVIDER_NOT_CONFIGURED", f"there is no provider {name[:64]!r} here")
        return provider


def _untold(progress: Progress) -> None:
    """A unary call has nobody to tell."""
