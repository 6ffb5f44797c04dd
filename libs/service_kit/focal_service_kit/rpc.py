"""One incoming RPC as the layers around a handler see it, and what a layer is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from opentelemetry import trace

OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""Method prefixes that anybody may call: probes and tools have no tokens."""


@dataclass(slots=True)
class Rpc:
    """Facts of a running call; the outcome is filled in before layers are left.

    `method` is the full name with its leading slash, `time_remaining_s` the caller's deadline,
    `reason` the ErrorInfo reason and `error_id` the id shown to the caller of an unforeseen error.
    """

    method: str
    metadata: Mapping[str, str | bytes]
    time_remaining_s: float | None
    started: float = field(default_factory=time.monotonic)
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    error_id: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    span: trace.Span | None = None

    @property
    def open(self) -> bool:
        """Whether the method may be called without identity."""
        return self.method.startswith(OPEN_SERVICES)

    def elapsed_s(self) -> float:
        """Seconds since the call arrived."""
        return time.monotonic() - self.started


class Layer(Protocol):
    """One concern around every handler; both methods are quick and never wait."""

    def enter(self, rpc: Rpc) -> None:
        """Before the handler; a FocalError raised here refuses the call."""

    def leave(self, rpc: Rpc) -> None:
        """After the handler, in reverse order, once the outcome is known."""
