"""Publishing over gRPC, stored in real PostgreSQL and Valkey."""

import hashlib

import pytest
from google.protobuf import json_format

from focal.config.v1 import bundle_pb2
from tests.fakes import config_server

pytestmark = pytest.mark.migrated("focal_config_watcher")


async def test_what_is_published_can_be_fetched(database: str, redis_url: str) -> None:
    async with config_server.serving(database, redis_url) as server:
        await server.add_tenant()
        published = (await server.publish(config_server.example(), note="first")).published

        manifest, parts = await server.bundle("returns_desk")

    assert published.pointer.version == 1
    assert manifest.pointer == published.pointer
    assert list(parts) == [
        "agent",
        "rules",
        "scenarios",
        "templates",
        "tools",
        "variables",
        "vectors",
    ]
    for part in manifest.parts:
        assert part.size == len(parts[part.name])
        assert part.sha256 == hashlib.sha256(parts[part.name]).hexdigest()
    scenarios = json_format.Parse(parts["scenarios"], bundle_pb2.ScenariosPart()).scenarios
    assert scenarios[0].entry_step_id == "collect_order"
    index = bundle_pb2.VectorIndex.FromString(parts["vectors"])
    assert len(index.matrix) == len(index.keys) * 4 * manifest.embedding_dimensions
