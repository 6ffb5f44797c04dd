"""Who carries tools out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from focal_toolbox.domain.answer import Answer
from focal_toolbox.domain.result import Progress

Notify = Callable[[Progress], None]


class Dispatch(Protocol):
    """A request that is ready to be sent, once or several times."""

    @property
    def host(self) -> str:
        """Whom it goes to: calls to one host share its places and its circuit. No secret, and no argument of
        the call unless the definition lets arguments choose the host.
        """

    async def send(self, idempotency_key: str, timeout_s: float) -> Answer:
        """Send it and judge the answer; raises nothing but cancellation."""


@runtime_checkable
class TellingDispatch(Dispatch, Protocol):
    """A request whose provider tells how far it is."""

    def telling(self, notify: Notify) -> Dispatch:
        """The same request, which calls `notify` on its way, from the event loop's thread."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a provider can be used now, and why not."""

    available: bool
    reason: str = ""


class Provider(Protocol):
    """One kind of counterpart that carries tools out."""

    def availability(self) -> Availability:
        """Whether it can be used now."""

    def prepare(self, tenant_id: str, config_json: str, arguments: Mapping[str, Any]) -> Dispatch:
        """Build a tenant's request without sending anything; raises Refusal when it cannot be built."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What the request of an asynchronous tool carries beyond its arguments: `token` allows one report,
    within `within_s` seconds. It is a secret: it stays out of logs, events and errors.
    """

    tool_name: str
    token: str
    within_s: float


@runtime_checkable
class AsynchronousProvider(Provider, Protocol):
    """A counterpart that may take a request on and report its end later; DONE is then its word that it
    does.
    """

    def prepare_asynchronous(
        self, tenant_id: str, config_json: str, arguments: Mapping[str, Any], handover: Handover
    ) -> Dispatch:
        """As `prepare`, with the token handed over."""
