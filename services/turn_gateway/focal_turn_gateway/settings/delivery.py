"""The message router's streams, in and out."""

from __future__ import annotations

from pydantic import Field

from focal_service_kit import settings


class Delivery(settings.Section):
    """The outbox."""

    memory: bool = Field(True, description="send committed turns to memory")
    outbound: bool = Field(True, description="write replies to events.outbound.{tenant}.{channel}")
    outbound_maxlen: int = Field(10_000, gt=0, description="entries kept per outbound stream, about")
    outbound_dedupe_s: int = Field(
        86_400, gt=0, description="seconds a delivered segment's dedupe key is kept"
    )
    batch: int = Field(50, gt=0, description="outbox rows claimed at once")
    claim_s: float = Field(10, gt=0, description="seconds after which another process may take a claimed row")
    poll_s: float = Field(1, gt=0, description="seconds between looks without a hint")
    timeout_s: float = Field(5, gt=0, description="seconds one delivery may take")
    retry_min_s: float = Field(0.5, gt=0, description="seconds before a failed delivery is repeated; doubles")
    retry_max_s: float = Field(30, gt=0, description="longest pause between deliveries, seconds")
    max_attempts: int = Field(
        0,
        ge=0,
        description="attempts after which a delivery is given up; 0 = none: a repeat does no harm here",
    )


class Ingress(settings.Section):
    """The message router's streams `events.routed.{tenant}.{channel}`."""

    enabled: bool = Field(True, description="read them; two small commands a second while there are none")
    discover_s: float = Field(1, gt=0, description="seconds between looks for new streams")
    scan_keys: int = Field(
        1000,
        gt=0,
        description="keys one look goes through; routers on a large server name their streams in the set"
        " events.routed",
    )
    lease_s: float = Field(
        3, gt=0, description="seconds of silence after which a stream's reader is replaced"
    )
    acquire_s: float = Field(0.5, gt=0, description="seconds between tries to become a reader, ±25 %")
    renew_s: float = Field(0.75, gt=0, description="seconds between renewals of a quiet reader's lease")
    listen_s: float = Field(0.25, gt=0, description="seconds one wait for new entries of all streams takes")
    batch: int = Field(64, gt=0, description="entries read at once")
    window: int = Field(
        256, gt=0, description="entries of one stream that are read and not settled; then reading waits"
    )
    parallel: int = Field(4, gt=0, description="messages being stored at once, over all streams")
    retry_min_s: float = Field(
        0.1, gt=0, description="seconds before a message that cannot be stored now is tried again; doubles"
    )
    retry_max_s: float = Field(5, gt=0, description="longest pause between tries, seconds")
    max_faults: int = Field(5, ge=1, description="unforeseen failures after which an entry is a dead letter")
    max_envelope_bytes: int = Field(262_144, gt=0, description="bytes of one envelope")
    delete_settled: bool = Field(
        True,
        description="take settled entries off their stream; switch off where others read it too and trim it",
    )
    dlq_maxlen: int = Field(10_000, gt=0, description="dead letters kept per channel of a tenant, about")
    repeat_s: int = Field(86_400, gt=0, description="seconds a dead letter's request_id is remembered")
    timeout_s: float = Field(2, gt=0, description="seconds for one command, unlike the hints'")
