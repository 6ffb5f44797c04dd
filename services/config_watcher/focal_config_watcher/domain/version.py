"""Published versions, their parts, and the pointer that makes one of them current."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

PART_NAMES = ("agent", "rules", "scenarios", "templates", "tools", "variables", "vectors")
"""Every bundle has these parts, in this order; all but `vectors` are JSON."""


@dataclass(frozen=True, slots=True)
class AgentKey:
    """Names an agent of a tenant."""

    tenant_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version of an agent is current.

    `moves` counts the pointer's moves; a rollback lowers `version` but never `moves`, so of two
    pointers of one agent the one with more moves is the newer.
    """

    key: AgentKey
    version: int
    content_hash: str
    updated_at: datetime
    moves: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a bundle says about one of its parts."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of an agent: whose, made with which embedding, of which parts.

    `pointer` is the one that a reader asked for; for an old version its `updated_at` is the
    moment of publication.
    """

    pointer: Pointer
    parts: tuple[Part, ...]
    embedding_model: str
    embedding_dimensions: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A bundle ready to be stored: part name to bytes.

    `definition_hash` covers what the author wrote and the embedding used, not the vectors: remote
    models do not repeat their vectors bit by bit.
    """

    parts: Mapping[str, bytes]
    definition_hash: str
    embedding_model: str
    embedding_dimensions: int

    def content_hash(self) -> str:
        """SHA-256 over all parts, hex."""
        return hash_of(self.parts, PART_NAMES)


@dataclass(frozen=True, slots=True)
class Difference:
    """How a definition differs between two versions: `added`, `removed` or `changed`, and which fields."""

    kind: str
    name: str
    change: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One published version, for people."""

    agent_id: str
    version: int
    content_hash: str
    published_by: str
    published_at: datetime
    note: str
    current: bool


def describe(parts: Mapping[str, bytes]) -> tuple[Part, ...]:
    """The parts' sizes and hashes, in the order of `PART_NAMES`."""
    return tuple(
        Part(name, len(parts[name]), hashlib.sha256(parts[name]).hexdigest())
        for name in PART_NAMES
        if name in parts
    )


def hash_of(parts: Mapping[str, bytes], names: Sequence[str], extra: Iterable[str] = ()) -> str:
    """SHA-256 over the named parts and some words, each with its length in front, hex."""
    hasher = hashlib.sha256()
    for chunk in [
        *(item for name in names for item in (name.encode(), parts[name])),
        *(word.encode() for word in extra),
    ]:
        hasher.update(len(chunk).to_bytes(8))
        hasher.update(chunk)
    return hasher.hexdigest()
