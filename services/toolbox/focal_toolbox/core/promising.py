"""Says which calls' results are reported later, and builds their requests with a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from focal_toolbox import errors
from focal_toolbox.domain import report
from focal_toolbox.domain.order import Arguments, Order
from focal_toolbox.domain.report import Promise
from focal_toolbox.domain.tool import Tool
from focal_toolbox.ports.providers import AsynchronousProvider, Dispatch, Handover, Provider


@dataclass(frozen=True, slots=True)
class Promises:
    """`request_s` tells how many seconds one request of a tool may take. `within_s`: seconds to report in
    unless a tool says otherwise; `wait_s`: seconds that a call waits for the report.
    """

    request_s: Callable[[Tool], float]
    within_s: float
    wait_s: float

    def of(self, tool: Tool) -> Promise | None:
        """What the provider of an asynchronous tool has to keep, with a new token; None for other tools.

        Refusal INVALID_BUNDLE for a PURE one: there is no row that its result could be entered in.
        """
        if not tool.asynchronous:
            return None
        if not tool.policy.ledgered:
            raise errors.Refusal("INVALID_BUNDLE", f"{tool.name!r} is PURE and asynchronous")
        within_s = tool.report_within_s or self.within_s
        return Promise(report.new_token(), within_s, self.request_s(tool) + self.wait_s)


def dispatch(
    provider: Provider, order: Order, tool: Tool, given: Arguments, promise: Promise | None
) -> Dispatch:
    """The request of a call; Refusal when it cannot be built."""
    tenant_id, config_json = order.attempt.tenant_id, tool.provider_config_json
    if promise is None:
        return provider.prepare(tenant_id, config_json, given.values)
    if not isinstance(provider, AsynchronousProvider):
        raise errors.Refusal("INVALID_BUNDLE", f"provider {tool.provider!r} has no asynchronous tools")
    handover = Handover(tool.name, promise.token, promise.within_s)
    return provider.prepare_asynchronous(tenant_id, config_json, given.values, handover)
