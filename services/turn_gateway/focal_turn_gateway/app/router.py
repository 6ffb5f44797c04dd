"""The message router's side: its streams, and what of them could not become a message."""

from __future__ import annotations

import asyncio

from focal.turn.v1 import dead_letter_service_pb2_grpc
from focal_service_kit import redis_client
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.dead_letters import ValkeyDeadLetters
from focal_turn_gateway.adapters.routed_streams import ValkeyStreams
from focal_turn_gateway.core.accept_routed import AcceptRouted
from focal_turn_gateway.core.ingress import Ingress, Pace
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.domain.channels import Registry
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.dead_letter_servicer import DeadLetterServicer


async def read(settings: TurnGatewaySettings, host: Host, submit: Submit, registry: Registry) -> None:
    """Take in what the message router writes, and serve the dead letters."""
    ingress = settings.ingress
    # Unlike a hint, what comes from the router may wait for a slow server.
    patient = settings.redis.model_copy(update={"timeout_s": ingress.timeout_s})
    valkey = await host.stack.enter_async_context(redis_client.connect(patient))
    dead_letters = DeadLetterServicer(ValkeyDeadLetters(valkey, repeat_s=ingress.repeat_s))
    dead_letter_service_pb2_grpc.add_DeadLetterServiceServicer_to_server(dead_letters, host.server)
    host.serves("focal.turn.v1.DeadLetterService")
    if not ingress.enabled:
        return
    streams = ValkeyStreams(
        valkey,
        lease_s=ingress.lease_s,
        scan_keys=ingress.scan_keys,
        dlq_maxlen=ingress.dlq_maxlen,
        delete=ingress.delete_settled,
    )
    accept = AcceptRouted(
        submit,
        streams,
        registry,
        asyncio.Semaphore(ingress.parallel),
        max_chars=settings.limits.max_text_chars,
        max_bytes=ingress.max_envelope_bytes,
        retry_min_s=ingress.retry_min_s,
        retry_max_s=ingress.retry_max_s,
        max_faults=ingress.max_faults,
    )
    pace = Pace(
        discover_s=ingress.discover_s,
        acquire_s=ingress.acquire_s,
        renew_s=ingress.renew_s,
        listen_s=ingress.listen_s,
        batch=ingress.batch,
        window=ingress.window,
    )
    reading = Ingress(streams, accept, pace)
    host.background("ingress", reading.run)
    host.on_drain(reading.retire)
