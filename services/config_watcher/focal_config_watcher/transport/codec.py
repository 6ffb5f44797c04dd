"""Domain values as messages and back."""

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from focal.config.v1 import bundle_pb2, tenant_service_pb2, version_pb2
from focal_config_watcher.domain.problem import Problem, Severity
from focal_config_watcher.domain.sources import SourceFile
from focal_config_watcher.domain.tenant import Tenant, Tier
from focal_config_watcher.domain.version import Difference, Manifest, Pointer, VersionRecord

_SEVERITIES = {
    Severity.ERROR: version_pb2.PROBLEM_SEVERITY_ERROR,
    Severity.WARNING: version_pb2.PROBLEM_SEVERITY_WARNING,
}
_TIERS = {
    Tier.FREE: tenant_service_pb2.TENANT_TIER_FREE,
    Tier.PRO: tenant_service_pb2.TENANT_TIER_PRO,
    Tier.ENTERPRISE: tenant_service_pb2.TENANT_TIER_ENTERPRISE,
}
_FROM_TIER = {number: tier for tier, number in _TIERS.items()}


def tier_from_proto(value: tenant_service_pb2.TenantTier.ValueType) -> Tier | None:
    """FREE when unspecified, None when the number is unknown."""
    if value == tenant_service_pb2.TENANT_TIER_UNSPECIFIED:
        return Tier.FREE
    return _FROM_TIER.get(value)


def tenant(value: Tenant) -> tenant_service_pb2.Tenant:
    """A tenant."""
    return tenant_service_pb2.Tenant(
        tenant_id=value.tenant_id,
        name=value.name,
        tier=_TIERS[value.tier],
        created_at=_timestamp(value.created_at),
    )


def pointer(value: Pointer) -> bundle_pb2.BundlePointer:
    """A pointer."""
    return bundle_pb2.BundlePointer(
        tenant_id=value.key.tenant_id,
        agent_id=value.key.agent_id,
        version=value.version,
        content_hash=value.content_hash,
        updated_at=_timestamp(value.updated_at),
    )


def manifest(value: Manifest) -> bundle_pb2.BundleManifest:
    """A manifest."""
    return bundle_pb2.BundleManifest(
        pointer=pointer(value.pointer),
        parts=[
            bundle_pb2.BundlePart(name=part.name, size=part.size, sha256=part.sha256) for part in value.parts
        ],
        embedding_model=value.embedding_model,
        embedding_dimensions=value.embedding_dimensions,
    )


def version(value: VersionRecord) -> version_pb2.AgentVersion:
    """A version."""
    return version_pb2.AgentVersion(
        agent_id=value.agent_id,
        version=value.version,
        content_hash=value.content_hash,
        published_by=value.published_by,
        published_at=_timestamp(value.published_at),
        note=value.note,
        current=value.current,
    )


def problems(values: Iterable[Problem]) -> list[version_pb2.Problem]:
    """Problems."""
    return [
        version_pb2.Problem(
            path=value.path,
            line=value.line,
            column=value.column,
            reason=value.reason,
            message=value.message,
            severity=_SEVERITIES[value.severity],
        )
        for value in values
    ]


def differences(values: Iterable[Difference]) -> list[version_pb2.Difference]:
    """Differences."""
    return [
        version_pb2.Difference(kind=value.kind, id=value.name, change=value.change, fields=value.fields)
        for value in values
    ]


def files_from_proto(values: Iterable[version_pb2.SourceFile]) -> tuple[SourceFile, ...]:
    """Source files."""
    return tuple(SourceFile(value.path, value.content) for value in values)


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
