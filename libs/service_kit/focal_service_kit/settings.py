"""What every service may be told: one frozen class per section, one for the whole service.

Nothing here reads a file or the environment; `config_sources` does. A service subclasses
`ServiceSettings`, adds `WithPostgres` or `WithRedis` when it uses one, and overrides defaults:

    class ToolboxSettings(WithPostgres, ServiceSettings):
        grpc: GrpcSettings = GrpcSettings(listen="127.0.0.1:7403")
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GrpcSettings(Section):
    """The server's socket and limits."""

    listen: str = Field("127.0.0.1:0", description="host:port to serve on; port 0 takes a free one")
    port_file: Path | None = Field(
        None, description="file that receives the bound port once the server listens"
    )
    max_message_bytes: int = Field(4 * 1024 * 1024, gt=0, description="largest request, in bytes")
    max_connection_age_s: float = Field(
        1800, gt=0, description="seconds after which a connection is renewed; streams must resume"
    )
    max_connection_age_grace_s: float = Field(
        300, gt=0, description="seconds that streams of an aged connection may still run"
    )
    keepalive_s: float = Field(
        5,
        gt=0,
        description="seconds of silence of a caller before a ping: one that is frozen is given up soon",
    )
    keepalive_timeout_s: float = Field(
        3, gt=0, description="seconds to wait for a ping's answer before the connection is dropped"
    )
    write_timeout_s: float = Field(
        30,
        gt=0,
        description="seconds a caller may leave a frame of its stream unread before the stream is ended",
    )
    allow_insecure_remote: bool = Field(
        False, description="allow plaintext to and from other machines (a mesh that encrypts)"
    )


class ClientSettings(Section):
    """Channels to other services."""

    timeout_s: float = Field(
        10, gt=0, description="seconds a unary call may take when the caller names no timeout"
    )
    keepalive_s: float = Field(
        5,
        gt=0,
        description="seconds of silence in a running call before a ping: a frozen peer is given up soon",
    )
    keepalive_timeout_s: float = Field(
        3, gt=0, description="seconds to wait for a ping's answer before the connection is dropped"
    )
    reconnect_min_ms: int = Field(50, gt=0, description="first pause before reconnecting, in ms")
    reconnect_max_ms: int = Field(1000, gt=0, description="longest pause before reconnecting, ms")
    retry_attempts: int = Field(
        3, ge=1, le=5, description="tries of a safe unary call while the peer is UNAVAILABLE"
    )


class AuthSettings(Section):
    """Keys and names used to verify callers and to call others."""

    tenant_public_key_file: Path | None = Field(
        None, description="PEM with the Ed25519 public keys that verify tenant tokens (required)"
    )
    internal_key_file: Path | None = Field(
        None, description="PEM with the Ed25519 private key of service tokens (required)"
    )
    trusted_services: tuple[str, ...] = Field(
        ("message_router",),
        description="subjects without a tenant of their own that may name one in x-focal-tenant",
    )
    internal_ttl_s: float = Field(
        300, gt=0, description="seconds a service token lives when its minter names no time"
    )
    leeway_s: float = Field(2, ge=0, description="seconds of clock difference to forgive")
    cached_tokens: int = Field(4096, gt=0, description="verified tokens remembered until expiry")


class TlsSettings(Section):
    """Encryption of the server and of channels to peers; all empty means plaintext."""

    certificate_file: Path | None = Field(
        None, description="PEM chain this process shows, to callers and (mTLS) to peers"
    )
    private_key_file: Path | None = Field(None, description="PEM key of certificate_file")
    ca_file: Path | None = Field(None, description="PEM authorities that peers must chain to")
    require_client_certificate: bool = Field(
        False, description="mTLS: refuse callers without a certificate of ca_file"
    )


class MetricsSettings(Section):
    """The Prometheus endpoint."""

    listen: str = Field("", description="host:port of the metrics page; empty switches it off")


class LoggingSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level written; customer text appears at debug only"
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="json lines, coloured console, or console on a terminal (auto)"
    )


class TracingSettings(Section):
    """OpenTelemetry traces; off costs nothing."""

    otlp_endpoint: str = Field("", description="OTLP/gRPC collector URL; empty switches tracing off")
    sample_ratio: float = Field(
        0.05, ge=0, le=1, description="share of traces started here that are recorded"
    )


class HealthSettings(Section):
    """How dependencies are watched."""

    interval_s: float = Field(2, gt=0, description="seconds between checks of a healthy dependency")
    failing_interval_s: float = Field(
        0.25, gt=0, description="seconds between checks of a failing one: recovery shows soon"
    )
    timeout_s: float = Field(1, gt=0, description="seconds a check may take before it has failed")


class DrainSettings(Section):
    """What happens on SIGTERM."""

    settle_s: float = Field(
        0, ge=0, description="seconds between NOT_SERVING and closing, for load balancers to notice"
    )
    grace_s: float = Field(3, ge=0, description="seconds running calls get to end before they are cancelled")


class PostgresSettings(Section):
    """The pool, and the limits that keep a stuck statement from holding a row."""

    url: str = Field("postgresql://127.0.0.1:5432/focal", description="connection URL (libpq form)")
    pool_min: int = Field(1, ge=0, description="connections kept open")
    pool_max: int = Field(10, gt=0, description="connections at most")
    connect_timeout_s: float = Field(5, gt=0, description="seconds to open a connection")
    command_timeout_s: float = Field(
        10,
        gt=0,
        description="seconds to wait for an answer: a server that is frozen cannot time out by itself",
    )
    statement_timeout_ms: int = Field(5000, ge=0, description="longest statement, ms; 0 = no limit")
    lock_timeout_ms: int = Field(2000, ge=0, description="longest wait for a lock, ms; 0 = no limit")
    idle_in_transaction_timeout_ms: int = Field(
        3000, ge=0, description="longest pause inside a transaction, ms: frees a frozen worker's locks"
    )
    transaction_timeout_ms: int = Field(
        10000, ge=0, description="longest transaction, ms; 0 = no limit; needs PostgreSQL 17"
    )
    migrate_on_start: bool = Field(True, description="bring the schema up to date before serving")


class RedisSettings(Section):
    """Redis or Valkey: what may be lost or rebuilt."""

    url: str = Field("redis://127.0.0.1:6379/0", description="connection URL")
    connect_timeout_s: float = Field(0.5, gt=0, description="seconds to open a connection")
    timeout_s: float = Field(0.2, gt=0, description="seconds for one command; hints never wait")
    max_connections: int = Field(50, gt=0, description="connections at most")


class ServiceSettings(Section):
    """The sections that every service has."""

    WELL_KNOWN: ClassVar[dict[str, str]] = {
        "FOCAL_POSTGRES_URL": "postgres.url",
        "FOCAL_REDIS_URL": "redis.url",
        "FOCAL_LLM_BASE_URL": "llm.base_url",
        "FOCAL_LLM_API_KEY": "llm.api_key",
        "FOCAL_LLM_MODEL": "llm.model",
    }
    """Environment names without the service's prefix, and the setting each one means; a name whose
    setting a service does not have is ignored by it."""

    grpc: GrpcSettings = GrpcSettings()
    client: ClientSettings = ClientSettings()
    auth: AuthSettings = AuthSettings()
    tls: TlsSettings = TlsSettings()
    health: HealthSettings = HealthSettings()
    metrics: MetricsSettings = MetricsSettings()
    logging: LoggingSettings = LoggingSettings()
    tracing: TracingSettings = TracingSettings()
    drain: DrainSettings = DrainSettings()


class WithPostgres(Section):
    """Mixed into the settings of a service that owns a schema."""

    postgres: PostgresSettings = PostgresSettings()


class WithRedis(Section):
    """Mixed into the settings of a service that talks to Redis."""

    redis: RedisSettings = RedisSettings()


class _Everything(WithPostgres, WithRedis, ServiceSettings):
    """All shared sections, to know which keys the table `[common]` may hold."""


SHARED_SECTIONS = frozenset(_Everything.model_fields)
