"""Publishes: validate → compile → store and swap in one transaction → tell everybody."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from focal_config_watcher.core import distribution
from focal_config_watcher.core.authoring import folder, reading
from focal_config_watcher.core.authoring.reading import Reading
from focal_config_watcher.core.cataloguing import Catalogue
from focal_config_watcher.core.compilation import Compiler, Progress
from focal_config_watcher.core.tenants import Registry
from focal_config_watcher.domain import command
from focal_config_watcher.domain.command import Publication, Settled
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_config_watcher.domain.version import AgentKey, Difference
from focal_config_watcher.ports import Versions
from focal_kernel import errors as kernel_errors

_NO_HASH = ""
"""Equals that of no version."""

TOOLS = "tools"
"""The part that holds an agent's tools."""


class Stage(Enum):
    """What a publication goes through, in order."""

    VALIDATE = "validate"
    COMPILE = "compile"
    WRITE_BUNDLES = "write_bundles"
    SWAP_POINTER = "swap_pointer"
    INVALIDATE_CACHE = "invalidate_cache"


@dataclass(frozen=True, slots=True)
class StageReport:
    """A stage begins, gets on or ends; `total` is 0 where work is not counted."""

    stage: Stage
    done: bool = False
    completed: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The sources have errors; nothing was stored."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """The version is current; every problem left is a warning. `tool_changes`: what differs from the version
    that was current before, with activations and catalogues, nothing for a repeated request.
    """

    settled: Settled
    warnings: tuple[Problem, ...]
    tool_changes: tuple[Difference, ...] = ()


Event = StageReport | Refused | Published


@dataclass(frozen=True, slots=True)
class Order:
    """Sources to publish; `agent_id` is empty or repeats the folder's."""

    tenant_id: str
    agent_id: str
    files: tuple[SourceFile, ...]
    note: str
    published_by: str
    request_id: str


@dataclass(frozen=True)
class Publisher:
    """Validates and publishes sources."""

    limits: Limits
    registry: Registry
    catalogue: Catalogue
    versions: Versions
    compiler: Compiler
    distributor: distribution.Distributor

    async def validate(self, tenant_id: str, files: Sequence[SourceFile]) -> Reading:
        """What the sources say beside the tenant's tools, and everything that is wrong with them."""
        available = await self.catalogue.available(tenant_id)
        return await asyncio.to_thread(reading.read, files, self.limits, available)

    async def publish(self, order: Order) -> AsyncIterator[Event]:
        """The stages as they pass, last Refused or Published.

        TENANT_NOT_FOUND, REQUEST_ID_REUSED, INVALID_FIELD when `agent_id` is another than the
        folder's, EmbeddingError.
        """
        await self.registry.get(order.tenant_id)
        yield StageReport(Stage.VALIDATE)
        read = await self.validate(order.tenant_id, order.files)
        _check_agent(order.agent_id, read.agent_id)
        if read.bundle is None:
            yield await self._refused(order, read)
            return
        yield StageReport(Stage.VALIDATE, done=True)
        definitions = await asyncio.to_thread(self.compiler.definitions, read.bundle)
        publication = self._publication(order, read, self.compiler.definition_hash(definitions))
        settled = await self.versions.settled(publication)
        changes: tuple[Difference, ...] = ()
        if settled is None:
            changes = await self._tool_changes(publication.key, definitions)
            async for event in self._store(publication, read, definitions):
                if isinstance(event, Settled):
                    settled = event
                else:
                    yield event
        assert settled is not None
        yield Published(settled, read.problems, changes)

    async def _refused(self, order: Order, read: Reading) -> Refused | Published:
        """The refusal; but a request that was answered before, when the catalogues still bore it, is answered
        alike.
        """
        earlier = None
        if order.request_id and read.agent_id:
            earlier = await self.versions.settled(self._publication(order, read, _NO_HASH))
        return Published(earlier, ()) if earlier else Refused(read.problems)

    async def _tool_changes(self, key: AgentKey, definitions: Mapping[str, bytes]) -> tuple[Difference, ...]:
        """What the publication changes about the tools of the version that is current now, for people."""
        pointer = await self.versions.pointer(key)
        parts = await self.versions.parts(key, pointer.version, [TOOLS]) if pointer else {}
        return self.compiler.encoder.tool_differences(parts.get(TOOLS, b""), definitions[TOOLS])

    async def _store(
        self, publication: Publication, read: Reading, definitions: dict[str, bytes]
    ) -> AsyncIterator[StageReport | Settled]:
        assert read.bundle is not None
        async for step in self.compiler.index(read.bundle):
            if isinstance(step, Progress):
                yield StageReport(Stage.COMPILE, False, step.completed, step.total)
            else:
                compiled = await asyncio.to_thread(self.compiler.compiled, definitions, step)
        yield StageReport(Stage.COMPILE, done=True)
        yield StageReport(Stage.WRITE_BUNDLES)
        settled = await self.versions.publish(publication, compiled)
        yield StageReport(Stage.WRITE_BUNDLES, done=True)
        yield StageReport(Stage.SWAP_POINTER, done=True)
        yield StageReport(Stage.INVALIDATE_CACHE)
        await self.distributor.distribute(settled.pointer)
        yield StageReport(Stage.INVALIDATE_CACHE, done=True)
        yield settled

    @staticmethod
    def _publication(order: Order, read: Reading, definition_hash: str) -> Publication:
        content = (read.agent_id, order.note, *command.fingerprint_of(order.files))
        return Publication(
            key=AgentKey(order.tenant_id, read.agent_id),
            definition_hash=definition_hash,
            files=folder.read_files(order.files),
            note=order.note,
            published_by=order.published_by,
            request=command.request(order.request_id, *content),
        )


def _check_agent(wanted: str, found: str) -> None:
    if wanted and found and wanted != found:
        description = f"the folder defines agent '{found}'"
        raise kernel_errors.InvalidArgument(
            "INVALID_FIELD",
            f"agent_id: {description}",
            violations=[kernel_errors.FieldViolation("agent_id", description)],
        )
