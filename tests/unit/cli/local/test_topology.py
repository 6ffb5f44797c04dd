from pathlib import Path

import pytest

from focal_cli.local import children, keys, topology

RING = keys.KeyRing(Path("/keys"))
SERVERS = topology.Servers("postgresql://db", "redis://cache")


def command(instance: str, *instances: str, **extra: str) -> children.Command:
    addresses = topology.choose_addresses(instances, {"toolbox": 7403})
    return topology.command(instance, addresses, SERVERS, RING, extra)


def test_wanted_ports_are_kept_and_all_others_differ() -> None:
    addresses = topology.choose_addresses(topology.SERVICES, {"toolbox": 7403})
    assert addresses.target("toolbox") == "127.0.0.1:7403"
    assert len({*addresses.port.values(), *addresses.metrics.values()}) == 2 * len(topology.SERVICES)


def test_a_service_learns_its_peers_servers_and_keys() -> None:
    env = command("pipeline", "pipeline", "toolbox").env
    assert env["FOCAL_PIPELINE__PEERS__TOOLBOX"] == "127.0.0.1:7403"
    assert env["FOCAL_POSTGRES_URL"] == "postgresql://db"
    assert env["FOCAL_PIPELINE__AUTH__INTERNAL_KEY_FILE"] == "/keys/internal.private.pem"


def test_a_peer_that_is_not_in_the_mesh_is_not_named() -> None:
    assert "FOCAL_PIPELINE__PEERS__MEMORY" not in command("pipeline", "pipeline", "toolbox").env


def test_calls_spread_over_all_instances_of_a_peer() -> None:
    env = command("turn_gateway", "turn_gateway", "pipeline", "pipeline-2").env
    target = env["FOCAL_TURN_GATEWAY__PEERS__PIPELINE"]
    assert target.startswith("ipv4:127.0.0.1:")
    assert target.count("127.0.0.1:") == 2


def test_a_second_instance_runs_the_same_service_elsewhere() -> None:
    first = command("turn_gateway", "turn_gateway", "turn_gateway-2")
    second = command("turn_gateway-2", "turn_gateway", "turn_gateway-2")
    assert first.argv == second.argv
    listen = "FOCAL_TURN_GATEWAY__GRPC__LISTEN"
    assert first.env[listen] != second.env[listen]


def test_what_the_caller_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOCAL_TOOLBOX__DRAIN__GRACE_S", "9")
    name = "FOCAL_TOOLBOX__DRAIN__GRACE_S"
    assert command("toolbox", "toolbox").env[name] == str(topology.DRAIN_GRACE_S)
    assert command("toolbox", "toolbox", **{name: "7"}).env[name] == "7"
