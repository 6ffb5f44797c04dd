"""Which services make up the mesh, who calls whom, and the environment that tells each of them.

An instance is named after its service, further ones with a number: ``turn_gateway-2``.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from focal_cli.local import children, keys, ports

SERVICES = ("config_watcher", "memory", "toolbox", "pipeline", "turn_gateway")

PEERS: Mapping[str, tuple[str, ...]] = {
    "config_watcher": (),
    "memory": (),
    "toolbox": ("config_watcher", "turn_gateway"),
    "pipeline": ("config_watcher", "memory", "toolbox"),
    "turn_gateway": ("config_watcher", "memory", "pipeline", "toolbox"),
}

# Together below the supervisor's own grace, so that a drain is not cut off.
DRAIN_GRACE_S = 1.5
EFFECTS_GRACE_S = 1.0
# A local mesh calls what runs beside it; elsewhere tools must not reach the machine they run on.
LOOPBACK = '["127.0.0.0/8", "::1/128"]'
OF_SERVICE = {
    "toolbox": {
        "EXECUTION__DRAIN_S": str(EFFECTS_GRACE_S),
        "OUTBOUND__NETWORKS": LOOPBACK,
        "QUEUE__ENABLED": "true",
    },
}


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL and Redis are."""

    postgres_url: str
    redis_url: str


@dataclass(frozen=True)
class Addresses:
    """The port of every server and instance, and the metrics port of every instance."""

    port: Mapping[str, int]
    metrics: Mapping[str, int]

    def target(self, instance: str) -> str:
        """The gRPC target of one instance."""
        return f"{ports.LOOPBACK}:{self.port[instance]}"

    def peer(self, service: str) -> str:
        """The gRPC target that spreads calls over all instances of a service; empty for none."""
        mine = [self.target(name) for name in self.port if service_of(name) == service]
        return "ipv4:" + ",".join(mine) if len(mine) > 1 else "".join(mine)


def service_of(instance: str) -> str:
    """The service that an instance runs."""
    return instance.partition("-")[0]


def choose_addresses(names: Sequence[str], wanted: Mapping[str, int]) -> Addresses:
    """The wanted ports, and different free ones for the rest."""
    free = iter(ports.choose(2 * len(names)))
    port = {name: wanted.get(name) or next(free) for name in names}
    return Addresses(port, {name: next(free) for name in names})


def command(
    instance: str,
    addresses: Addresses,
    servers: Servers,
    ring: keys.KeyRing,
    extra: Mapping[str, str],
) -> children.Command:
    """How to run one instance; what ``extra`` names wins over what we would say."""
    service = service_of(instance)
    prefix = f"FOCAL_{service.upper()}__"
    ours = {
        "GRPC__LISTEN": addresses.target(instance),
        "METRICS__LISTEN": f"{ports.LOOPBACK}:{addresses.metrics[instance]}",
        "AUTH__TENANT_PUBLIC_KEY_FILE": str(ring.tenant.public),
        "AUTH__INTERNAL_KEY_FILE": str(ring.internal.private),
        "DRAIN__GRACE_S": str(DRAIN_GRACE_S),
        "LOGGING__FORMAT": "json",
    }
    ours |= {f"PEERS__{peer.upper()}": target for peer in PEERS[service] if (target := addresses.peer(peer))}
    ours |= OF_SERVICE.get(service, {})
    env = os.environ | {prefix + name: value for name, value in ours.items()}
    env |= {"FOCAL_POSTGRES_URL": servers.postgres_url, "FOCAL_REDIS_URL": servers.redis_url}
    return children.Command([sys.executable, "-m", f"focal_{service}"], env | dict(extra))
