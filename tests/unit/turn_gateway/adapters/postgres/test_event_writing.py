"""Events on real tables: one function writes them, and names them as the domain does."""

import json

import asyncpg
import pytest

from focal_turn_gateway.adapters.postgres import records
from focal_turn_gateway.domain import event_names
from focal_turn_gateway.domain.events import Event, SupersedeDecided
from tests.unit.turn_gateway.codecs.test_events import BODIES

pytestmark = pytest.mark.migrated("focal_turn_gateway")


async def test_the_database_names_every_event_as_the_domain_does(pool: asyncpg.Pool) -> None:
    decisions = [
        SupersedeDecided(action, "UNSPECIFIED", "PRE_COMMIT", "", ()) for action in event_names.DECIDED
    ]
    for body in (*BODIES.values(), *decisions):
        [event] = json.loads(records.events_json([Event(body)]))
        named = await pool.fetchval(
            "SELECT turns.event_name($1, $2)", event["kind"], json.dumps(event["body"])
        )
        assert named == event_names.full_name(body)


@pytest.mark.parametrize("pattern", ["*", "tool.*", "tool.done", "infra.turn.*", "infra.turn", "to%l.*", "t"])
async def test_the_database_chooses_by_patterns_as_the_domain_does(pool: asyncpg.Pool, pattern: str) -> None:
    for name in ("tool.done", "tool.done.twice", "toolbox.done", "infra.turn.started", "infra.turning"):
        chosen = await pool.fetchval("SELECT turns.event_matches($1, $2)", name, ["rule.x", pattern])
        assert chosen is event_names.matches(name, [pattern]), name


async def test_nothing_else_writes_events(pool: asyncpg.Pool) -> None:
    writers = await pool.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'turns'::regnamespace"
        " AND prosrc ~* 'insert into turns.events '"
    )
    assert [row["proname"] for row in writers] == ["write_events"]
