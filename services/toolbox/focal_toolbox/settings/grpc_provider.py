"""Provider `grpc`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from focal_service_kit import settings


class GrpcProviderSettings(settings.Section):
    """Unary methods of foreign gRPC services."""

    connect_timeout_s: float = Field(5, gt=0, description="seconds to open a connection")
    max_response_bytes: int = Field(1024 * 1024, gt=0, description="largest answer, bytes")
    channels: int = Field(100, gt=0, description="connected services kept; the longest unused one is closed")
    channel_ttl_s: float = Field(
        300, gt=0, description="seconds after which a service's name is resolved and connected anew"
    )
    descriptor_ttl_s: float = Field(
        300, gt=0, description="seconds for which what a service's reflection said is used"
    )
    max_descriptor_bytes: int = Field(
        4 * 1024 * 1024, gt=0, description="largest description of a service, bytes of its files"
    )
    descriptor_sets: dict[str, Path] = Field(
        default={},
        description="files with a FileDescriptorSet (protoc --include_imports -o FILE), by the name that tool"
        " definitions use as `descriptor_set`",
    )
    ca_file: Path | None = Field(
        None, description="certificate authorities for grpcs://, PEM; empty for those of gRPC"
    )
