"""Wiring of what leaves the gateway: the outbox's destinations, and what people decide about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import asyncpg
import grpc.aio
import redis.asyncio

from focal.turn.v1 import delivery_service_pb2_grpc
from focal_kernel import errors as kernel_errors
from focal_service_kit import channels
from focal_service_kit.host import Host
from focal_turn_gateway.adapters import checked_http
from focal_turn_gateway.adapters.checked_http import CheckedHttp
from focal_turn_gateway.adapters.destinations.callback import HttpCallback
from focal_turn_gateway.adapters.destinations.compensation import Compensations
from focal_turn_gateway.adapters.destinations.memory import MemoryEpisodes
from focal_turn_gateway.adapters.destinations.outbound_stream import OutboundStream
from focal_turn_gateway.adapters.postgres.deliveries import PostgresDeliveries
from focal_turn_gateway.adapters.postgres.outbox import PostgresKeylessOutbox, PostgresOutbox
from focal_turn_gateway.core.close_turn import COMPENSATION, MEMORY
from focal_turn_gateway.core.deliver import Deliver
from focal_turn_gateway.core.deliver_keyless import DeliverKeyless
from focal_turn_gateway.core.owed_parts import CALLBACK, OUTBOUND
from focal_turn_gateway.core.resolve_delivery import ResolveDelivery
from focal_turn_gateway.domain import webhooks
from focal_turn_gateway.domain.callbacks import Callback, Callbacks, OnDoubt
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.domain.webhooks import Retries
from focal_turn_gateway.ports.delivery import ClaimedRow, Destination
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.settings import callbacks as callback_settings
from focal_turn_gateway.transport.delivery_servicer import DeliveryServicer


@dataclass(frozen=True, slots=True)
class Served:
    """Connections to destinations that others use too."""

    valkey: redis.asyncio.Redis
    toolbox: grpc.aio.Channel


@dataclass(frozen=True, slots=True)
class Leaving:
    """What turns that are committed need of delivery."""

    wakes: Mapping[str, Callable[[], None]]
    callbacks: Callbacks

    def wake(self) -> None:
        """Have every worker look."""
        for each in self.wakes.values():
            each()


def deliver(
    settings: TurnGatewaySettings,
    host: Host,
    pool: asyncpg.Pool,
    served: Served,
    live: LiveFeed,
    registry: Registry,
) -> Leaving:
    """Start the destinations' workers, and serve what people decide about deliveries. Raises ValueError and
    UnknownChannel for a callback that cannot be used.
    """
    wakes: dict[str, Callable[[], None]] = {}
    for name, destination in _keyed(settings, host, served).items():
        keyed = _deliver(settings, pool, name, destination)
        host.background(f"deliver {name}", keyed.run)
        wakes[name] = keyed.wake
    chosen = callbacks(settings.callbacks, registry)
    workers = _keyless(settings.callbacks, host, pool, live, chosen)
    if workers:
        wakes[CALLBACK] = lambda: _wake(workers)
    leaving = Leaving(wakes, chosen)
    _serve(host, pool, live, leaving)
    return leaving


def callbacks(chosen: callback_settings.Callbacks, registry: Registry) -> Callbacks:
    """The callbacks of the settings, their channels resolved. Raises ValueError, UnknownChannel."""
    by_name: dict[str, Callback] = {}
    for key, each in chosen.to.items():
        tenant_id, dot, channel = key.rpartition(".")
        name = f"{tenant_id}{dot}{registry.resolve(channel)}"
        try:
            url = webhooks.checked_url(each.url, allow_local=chosen.allow_local)
            secret = each.secret.get_secret_value()
            if each.secret_file is not None:
                secret = each.secret_file.read_text().strip()
            by_name[name] = Callback(name, url, webhooks.checked_secret(secret), each.on_doubt)
        except (kernel_errors.InvalidArgument, OSError) as error:
            raise ValueError(f"callbacks.to.{key}: {error}") from error
    return Callbacks(by_name)


def _keyed(settings: TurnGatewaySettings, host: Host, served: Served) -> dict[str, Destination]:
    delivery = settings.delivery
    token = partial(_row_token, settings, host)
    destinations: dict[str, Destination] = {
        COMPENSATION: Compensations(served.toolbox, token, delivery.timeout_s)
    }
    if delivery.memory:
        memory = host.channel(channels.ChannelSettings("memory", settings.peers.memory))
        destinations[MEMORY] = MemoryEpisodes(
            memory,
            lambda tenant_id: host.caller_tokens.own("memory", tenant_id),
            delivery.timeout_s,
        )
    if delivery.outbound:
        destinations[OUTBOUND] = OutboundStream(
            served.valkey, maxlen=delivery.outbound_maxlen, dedupe_s=delivery.outbound_dedupe_s
        )
    return destinations


def _row_token(settings: TurnGatewaySettings, host: Host, row: ClaimedRow) -> str:
    """A token for the attempt whose commit wrote a row."""
    return host.caller_tokens.mint(
        ["toolbox"],
        tenant_id=row.tenant_id,
        session_id=row.session_id,
        turn_id=row.payload["turn_id"],
        epoch=row.payload["epoch"],
        ttl_s=settings.turns.budget_s,
    )


def _deliver(settings: TurnGatewaySettings, pool: asyncpg.Pool, name: str, to: Destination) -> Deliver:
    delivery = settings.delivery
    return Deliver(
        PostgresOutbox(pool, delivery.claim_s),
        name,
        to,
        batch=delivery.batch,
        poll_s=delivery.poll_s,
        timeout_s=delivery.timeout_s,
        retry_min_s=delivery.retry_min_s,
        retry_max_s=delivery.retry_max_s,
        max_attempts=delivery.max_attempts,
    )


def _keyless(
    chosen: callback_settings.Callbacks, host: Host, pool: asyncpg.Pool, live: LiveFeed, found: Callbacks
) -> list[DeliverKeyless]:
    """A worker for each callback, so that a receiver that hangs holds up no other."""
    if not found.by_name:
        return []
    client = checked_http.client(chosen.parallel * len(found.by_name))
    host.stack.push_async_callback(client.aclose)
    http = CheckedHttp(client, allow_local=chosen.allow_local)
    workers = []
    for callback in found.by_name.values():
        worker = DeliverKeyless(
            PostgresKeylessOutbox(pool, CALLBACK, chosen.claim_s),
            callback.name,
            HttpCallback(http, callback, timeout_s=chosen.timeout_s),
            Retries(chosen.retries, chosen.retry_min_s, chosen.retry_max_s),
            parallel=chosen.parallel,
            poll_s=chosen.poll_s,
            hint=live.hint,
            resends=callback.on_doubt is OnDoubt.RESEND,
        )
        host.background(f"deliver {callback.name}", worker.run)
        host.on_drain(worker.retire)
        workers.append(worker)
    return workers


def _wake(workers: list[DeliverKeyless]) -> None:
    for worker in workers:
        worker.wake()


def _serve(host: Host, pool: asyncpg.Pool, live: LiveFeed, leaving: Leaving) -> None:
    resolve = DeliveryServicer(ResolveDelivery(PostgresDeliveries(pool), live, leaving.wake))
    delivery_service_pb2_grpc.add_DeliveryServiceServicer_to_server(resolve, host.server)
    host.serves("focal.turn.v1.DeliveryService")
