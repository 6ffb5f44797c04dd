"""What callers ask to be changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from focal_config_watcher.domain.sources import SourceFile
from focal_config_watcher.domain.version import AgentKey, Pointer
from focal_kernel import ids


@dataclass(frozen=True, slots=True)
class Request:
    """Makes a change repeatable: the same id with the same fingerprint is the same change.

    An empty id means that nothing is recognised again.
    """

    request_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Publication:
    """A version to store and make current."""

    key: AgentKey
    definition_hash: str
    files: tuple[SourceFile, ...]
    note: str
    published_by: str
    request: Request


@dataclass(frozen=True, slots=True)
class Move:
    """A pointer to move to a version that exists."""

    key: AgentKey
    target_version: int
    reason: str
    moved_by: str
    request: Request


@dataclass(frozen=True, slots=True)
class Settled:
    """What a publication led to; `unchanged` when no new version was made."""

    pointer: Pointer
    unchanged: bool


@dataclass(frozen=True, slots=True)
class Registration:
    """A tenant to register."""

    tenant_id: str
    name: str
    tier: str
    created_at: datetime
    request: Request


def request(request_id: str, *content: str) -> Request:
    """The request with the fingerprint of its content."""
    return Request(request_id, ids.digest(*content))


def fingerprint_of(files: Sequence[SourceFile]) -> tuple[str, ...]:
    """What tells one set of files from another, whatever their order."""
    return tuple(
        part for file in sorted(files, key=lambda file: file.path) for part in (file.path, file.content)
    )
