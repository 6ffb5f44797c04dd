"""What the toolbox may be told."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from focal_service_kit import settings


class Peers(settings.Section):
    """Other services."""

    config_watcher: str = Field("127.0.0.1:7405", description="gRPC target of config_watcher")


class BundleSettings(settings.Section):
    """Tool definitions kept from bundles."""

    kept: int = Field(256, gt=0, description="bundle versions kept")
    ttl_s: float = Field(900, gt=0, description="seconds a bundle version is kept; it never changes")
    pointer_ttl_s: float = Field(
        1, gt=0, description="seconds the number of an agent's current version is trusted"
    )
    timeout_s: float = Field(5, gt=0, description="seconds a fetch may take")
    schemas_kept: int = Field(1024, gt=0, description="compiled parameter schemas kept")


class ExecutionSettings(settings.Section):
    """Limits of tool calls."""

    timeout_s: float = Field(
        30, gt=0, description="seconds one request to a provider may take unless its tool says otherwise"
    )
    longest_timeout_s: float = Field(
        120, gt=0, description="seconds one request may take whatever its tool says"
    )
    max_arguments_bytes: int = Field(64 * 1024, gt=0, description="largest arguments, bytes of JSON")
    wait_s: float = Field(
        60, gt=0, description="seconds a call waits for an equal one that is being carried out"
    )
    poll_s: float = Field(
        0.05, gt=0, description="seconds between looks at an effect that another toolbox carries out"
    )
    compensation_s: float = Field(
        30, gt=0, description="seconds one compensation may take, its repetitions included"
    )
    drain_s: float = Field(
        10, ge=0, description="seconds running effects get to end when the process stops; then in doubt"
    )


class RetrySettings(settings.Section):
    """Repetition of PURE and IDEMPOTENT requests."""

    requests: int = Field(3, ge=1, le=10, description="requests per call at most, the first included")
    first_pause_ms: float = Field(100, gt=0, description="pause before the second request, ms; doubles")
    longest_pause_ms: float = Field(2000, gt=0, description="longest pause, ms")


class InstanceSettings(settings.Section):
    """How toolboxes know which of them are alive."""

    heartbeat_s: float = Field(0.5, gt=0, description="seconds between heartbeats")
    lease_s: float = Field(
        3, gt=0, description="age of a heartbeat, in seconds, at which its process counts as lost"
    )
    send_within_s: float = Field(
        1.5,
        gt=0,
        description="age of a reservation, in seconds, at which it is given back instead of used:"
        " less than the lease, or a thawed process may send what others gave up",
    )
    sweep_s: float = Field(1, gt=0, description="seconds between sweeps for effects of lost processes")
    start_s: float = Field(10, gt=0, description="seconds the first heartbeat may take at start")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """A process must beat well within its lease, and stop sending before others give it up."""
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError("heartbeat_s must be at most half of lease_s")
        if self.send_within_s >= self.lease_s:
            raise ValueError("send_within_s must be less than lease_s")
        return self


class HttpSettings(settings.Section):
    """Provider `http`."""

    connect_timeout_s: float = Field(5, gt=0, description="seconds to open a connection")
    max_response_bytes: int = Field(1024 * 1024, gt=0, description="largest answer, bytes")
    max_connections: int = Field(200, gt=0, description="open connections at most, per kind")


class ToolboxSettings(settings.WithPostgres, settings.ServiceSettings):
    """All of it."""

    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7403")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7503")
    peers: Peers = Peers()
    bundles: BundleSettings = BundleSettings()
    execution: ExecutionSettings = ExecutionSettings()
    retry: RetrySettings = RetrySettings()
    instance: InstanceSettings = InstanceSettings()
    http: HttpSettings = HttpSettings()
    variables: dict[str, SecretStr] = Field(
        default={},
        description="values of ${NAME} in tool definitions, by name (upper and lower case alike)",
    )

    @field_validator("variables")
    @classmethod
    def _upper(cls, values: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """The environment knows no lower case, so names do not tell it apart."""
        return {name.upper(): value for name, value in values.items()}
