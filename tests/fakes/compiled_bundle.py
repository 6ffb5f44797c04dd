"""Bundles as config_watcher compiles them, without config_watcher running."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from focal_config_watcher.adapters.proto_bundle import ProtoBundle
from focal_config_watcher.core.authoring import reading
from focal_config_watcher.core.compilation import Compiler, Progress
from focal_config_watcher.domain.sources import Limits, SourceFile
from focal_embedding.hashed import HashedEmbedder

EXAMPLE = Path(__file__).parents[2] / "examples" / "returns_desk"

Edit = Callable[[str, str], str]


def _as_it_is(_path: str, text: str) -> str:
    return text


def _sources(folder: Path, edit: Edit) -> list[SourceFile]:
    paths = [(file.relative_to(folder).as_posix(), file) for file in sorted(folder.rglob("*.yaml"))]
    return [SourceFile(path, edit(path, file.read_text())) for path, file in paths]


async def compiled(folder: Path = EXAMPLE, edit: Edit = _as_it_is) -> Any:
    """A folder of YAML as config_watcher compiles it; `edit` may change each file's text first."""
    read = reading.read(_sources(folder, edit), Limits())
    assert not read.problems, read.problems
    assert read.bundle is not None
    compiler = Compiler(HashedEmbedder(), ProtoBundle(), batch=100)
    index = await anext(step async for step in compiler.index(read.bundle) if not isinstance(step, Progress))
    return compiler.compiled(compiler.definitions(read.bundle), index)
