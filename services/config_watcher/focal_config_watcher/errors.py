"""What can go wrong here.

FocalError (kernel)
├── NotFound       TENANT_NOT_FOUND · AGENT_NOT_FOUND · VERSION_NOT_FOUND
├── AlreadyExists  TENANT_EXISTS · REQUEST_ID_REUSED
└── Unavailable    the pointers were not read yet
CacheAway          the cache does not answer; never leaves the service, reads and writes go on

Problems in an agent's sources are not errors but an answer (`domain.problem`).
"""

from focal_kernel import errors


class CacheAway(Exception):
    """The bundle cache cannot be reached; the database still knows everything."""


def tenant_not_found(tenant_id: str) -> errors.NotFound:
    """The tenant is not registered."""
    return errors.NotFound(
        "TENANT_NOT_FOUND", f"tenant '{tenant_id}' is not registered", metadata={"tenant": tenant_id}
    )


def agent_not_found(agent_id: str) -> errors.NotFound:
    """Nothing was ever published for the agent."""
    return errors.NotFound(
        "AGENT_NOT_FOUND",
        f"agent '{agent_id}' has no published version",
        metadata={"agent": agent_id},
    )


def version_not_found(agent_id: str, version: int) -> errors.NotFound:
    """The agent has other versions, not this one."""
    return errors.NotFound(
        "VERSION_NOT_FOUND",
        f"agent '{agent_id}' has no version {version}",
        metadata={"agent": agent_id, "version": str(version)},
    )


def tenant_exists(tenant_id: str) -> errors.AlreadyExists:
    """The id is taken."""
    return errors.AlreadyExists(
        "TENANT_EXISTS", f"tenant '{tenant_id}' is registered already", metadata={"tenant": tenant_id}
    )


def request_id_reused(request_id: str) -> errors.AlreadyExists:
    """The request id came with other content before."""
    return errors.AlreadyExists(
        "REQUEST_ID_REUSED",
        "the request id was used with other content; take a new one",
        metadata={"request_id": request_id},
    )


def not_loaded() -> errors.Unavailable:
    """The process has not seen its database since it started."""
    return errors.Unavailable(
        "DEPENDENCY_UNAVAILABLE", "the bundles' pointers are not loaded yet", retry_after_s=1
    )
