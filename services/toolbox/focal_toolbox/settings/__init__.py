"""What the toolbox may be told."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from focal_service_kit import settings
from focal_toolbox.settings.asynchronous import AsynchronousSettings
from focal_toolbox.settings.bundles import BundleSettings
from focal_toolbox.settings.checks import CheckSettings
from focal_toolbox.settings.confirmation import ConfirmationSettings
from focal_toolbox.settings.execution import ExecutionSettings, RetrySettings
from focal_toolbox.settings.grpc_provider import GrpcProviderSettings
from focal_toolbox.settings.instance import InstanceSettings
from focal_toolbox.settings.internal import InternalSettings
from focal_toolbox.settings.limits import CircuitSettings, HostLimits, TierLimits, TurnLimits
from focal_toolbox.settings.mcp import McpSettings
from focal_toolbox.settings.outbound import OutboundSettings
from focal_toolbox.settings.providers import HttpSettings
from focal_toolbox.settings.queue import QueueSettings
from focal_toolbox.settings.reads import ReadSettings
from focal_toolbox.settings.secrets import SecretSettings
from focal_toolbox.settings.tool_policy import ToolPolicySettings


class Peers(settings.Section):
    """Other services."""

    config_watcher: str = Field("127.0.0.1:7405", description="gRPC target of config_watcher")
    turn_gateway: str = Field(
        "127.0.0.1:7401", description="gRPC target of turn_gateway, where late results open turns"
    )


class ToolboxSettings(settings.WithPostgres, settings.WithRedis, settings.ServiceSettings):
    """All of it."""

    grpc: settings.GrpcSettings = settings.GrpcSettings(listen="127.0.0.1:7403")
    metrics: settings.MetricsSettings = settings.MetricsSettings(listen="127.0.0.1:7503")
    peers: Peers = Peers()
    bundles: BundleSettings = BundleSettings()
    execution: ExecutionSettings = ExecutionSettings()
    confirmation: ConfirmationSettings = ConfirmationSettings()
    retry: RetrySettings = RetrySettings()
    reads: ReadSettings = ReadSettings()
    turns: TurnLimits = TurnLimits()
    tiers: TierLimits = TierLimits()
    hosts: HostLimits = HostLimits()
    circuits: CircuitSettings = CircuitSettings()
    tool_policy: ToolPolicySettings = ToolPolicySettings()
    instance: InstanceSettings = InstanceSettings()
    asynchronous: AsynchronousSettings = AsynchronousSettings()
    check: CheckSettings = CheckSettings()
    queue: QueueSettings = QueueSettings()
    http: HttpSettings = HttpSettings()
    outbound: OutboundSettings = OutboundSettings()
    internal: InternalSettings = InternalSettings()
    secrets: SecretSettings = SecretSettings()
    grpc_provider: GrpcProviderSettings = GrpcProviderSettings()
    mcp: McpSettings = McpSettings()
    variables: dict[str, SecretStr] = Field(
        default={},
        description="values of ${NAME} in tool definitions, by name (upper and lower case alike)",
    )

    @field_validator("variables")
    @classmethod
    def _upper(cls, values: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """The environment knows no lower case, so names do not tell it apart."""
        return {name.upper(): value for name, value in values.items()}
