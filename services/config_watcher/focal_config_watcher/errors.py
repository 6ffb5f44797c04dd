"""What can go wrong here.

FocalError (kernel)
├── NotFound            TENANT_NOT_FOUND · AGENT_NOT_FOUND · VERSION_NOT_FOUND · CATALOGUE_TOOL_NOT_FOUND
├── AlreadyExists       TENANT_EXISTS · REQUEST_ID_REUSED · CATALOGUE_TOOL_EXISTS
├── FailedPrecondition  CATALOGUE_TOOL_IN_USE
├── Aborted             CATALOGUE_CHANGED
├── ResourceExhausted   CATALOGUE_FULL
└── Unavailable         the pointers were not read yet
CacheAway          the cache does not answer; never leaves the service, reads and writes go on
CatalogueMoved     somebody wrote the catalogue meanwhile; never leaves the service, it is read again

Problems in an agent's sources are not errors but an answer (`domain.problem`).
"""

from focal_kernel import errors


class CacheAway(Exception):
    """The bundle cache cannot be reached; the database still knows everything."""


class CatalogueMoved(Exception):
    """The catalogue is at another revision than the change was made for."""


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


def catalogue_tool_not_found(name: str) -> errors.NotFound:
    """The catalogue has no such tool."""
    return errors.NotFound(
        "CATALOGUE_TOOL_NOT_FOUND", f"the catalogue has no tool '{name}'", metadata={"tool": name}
    )


def catalogue_tool_exists(name: str, kind: str) -> errors.AlreadyExists:
    """The tenant has it already, but not of this kind: `defined` or `adopted`."""
    return errors.AlreadyExists(
        "CATALOGUE_TOOL_EXISTS",
        f"the tenant has {kind} a tool '{name}' already; delete that first",
        metadata={"tool": name},
    )


def catalogue_tool_in_use(name: str, used_by: list[str]) -> errors.FailedPrecondition:
    """Others refer to it; without names it is tenants that have adopted it."""
    why = f"other tools refer to it: {', '.join(used_by)}" if used_by else "tenants have adopted it"
    return errors.FailedPrecondition(
        "CATALOGUE_TOOL_IN_USE",
        f"tool '{name}' stays: {why}",
        metadata={"tool": name, "used_by": ",".join(used_by)},
    )


def catalogue_changed(what: str) -> errors.Aborted:
    """Somebody else wrote meanwhile."""
    return errors.Aborted("CATALOGUE_CHANGED", f"{what} has changed meanwhile; read it again")


def catalogue_full(limit: int) -> errors.ResourceExhausted:
    """The catalogue has as many tools as it may."""
    return errors.ResourceExhausted(
        "CATALOGUE_FULL", f"a catalogue has at most {limit} tools", metadata={"limit": str(limit)}
    )
