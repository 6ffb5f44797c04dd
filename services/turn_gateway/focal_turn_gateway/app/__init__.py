"""The composition root: everything the gateway is made of, built in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import asyncpg
import grpc.aio
import redis.asyncio

from focal.turn.v1 import (
    channel_service_pb2_grpc,
    turn_gateway_service_pb2_grpc,
)
from focal_kernel import ids
from focal_service_kit import channels, postgres, redis_client, tracing
from focal_service_kit.host import Host
from focal_turn_gateway.adapters.cached_overrides import CachedOverrides
from focal_turn_gateway.adapters.config_directory import ConfigDirectory
from focal_turn_gateway.adapters.confirmations import GrpcConfirmations
from focal_turn_gateway.adapters.engines.crowd import Crowd
from focal_turn_gateway.adapters.engines.places import Places
from focal_turn_gateway.adapters.engines.postgres import PostgresEngine
from focal_turn_gateway.adapters.hints import WakeHints
from focal_turn_gateway.adapters.input_judge import GrpcInputJudge
from focal_turn_gateway.adapters.live_feed import ValkeyLiveFeed
from focal_turn_gateway.adapters.pipeline_client import GrpcPipeline
from focal_turn_gateway.adapters.postgres.channel_overrides import PostgresChannelOverrides
from focal_turn_gateway.adapters.postgres.leases import Leases
from focal_turn_gateway.adapters.postgres.message_store import Learning, PostgresMessageStore, QueueLimits
from focal_turn_gateway.adapters.postgres.open_windows import PostgresOpenWindows
from focal_turn_gateway.adapters.postgres.presence import Presence
from focal_turn_gateway.adapters.postgres.rhythms import PostgresRhythms
from focal_turn_gateway.adapters.postgres.session_reader import PostgresSessionReader
from focal_turn_gateway.adapters.postgres.turn_desk import PostgresTurnDesk
from focal_turn_gateway.adapters.postgres.turn_store import PostgresTurnStore
from focal_turn_gateway.adapters.pubsub import PubSub
from focal_turn_gateway.adapters.refusals import RefusalCounter
from focal_turn_gateway.adapters.tenant_tiers import TenantTiers
from focal_turn_gateway.adapters.toolbox_client import GrpcEffectFence
from focal_turn_gateway.app import abuse, delivery, events, limiting, reaching, router, sessions
from focal_turn_gateway.core import channel_registry
from focal_turn_gateway.core.accumulate import Accumulate
from focal_turn_gateway.core.admit import Admit
from focal_turn_gateway.core.admit_events import AdmitEvents
from focal_turn_gateway.core.cancel_turn import CancelTurn
from focal_turn_gateway.core.catch_up import CatchUp
from focal_turn_gateway.core.channel_policies import ChannelPolicies
from focal_turn_gateway.core.close_turn import CloseTurn
from focal_turn_gateway.core.confirm_action import ConfirmAction
from focal_turn_gateway.core.drain import Drain
from focal_turn_gateway.core.early_finish import EarlyFinish
from focal_turn_gateway.core.follow import Follow
from focal_turn_gateway.core.keep_open import KeepOpen
from focal_turn_gateway.core.link_identity import LinkIdentity
from focal_turn_gateway.core.reply_format import ReplyFormat
from focal_turn_gateway.core.run_attempt import RunAttempt
from focal_turn_gateway.core.send import Send
from focal_turn_gateway.core.submit import Submit
from focal_turn_gateway.core.trigger_turn import TriggerTurn
from focal_turn_gateway.domain import markdown
from focal_turn_gateway.domain.error_policy import ErrorPolicy, Pauses, Replies
from focal_turn_gateway.domain.reply_parts import FormatReply
from focal_turn_gateway.domain.turns import Attempt, OpenTurn
from focal_turn_gateway.ports.engine import TurnEngine
from focal_turn_gateway.ports.live import LiveFeed
from focal_turn_gateway.ports.pipeline import EffectFence
from focal_turn_gateway.settings import TurnGatewaySettings
from focal_turn_gateway.transport.channel_servicer import ChannelServicer
from focal_turn_gateway.transport.conversation import Conversing
from focal_turn_gateway.transport.streams import Streams
from focal_turn_gateway.transport.turn_gateway_servicer import TurnGatewayServicer, UseCases
from focal_turn_gateway.transport.watching import Watching

_POINTER = "focal.config.v1.ConfigWatcherService/GetPointer"


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the calls and the turn program share."""

    pool: asyncpg.Pool
    valkey: redis.asyncio.Redis
    engine: TurnEngine
    live: LiveFeed
    fence: EffectFence
    admit: Admit
    toolbox: grpc.aio.Channel


async def build(settings: TurnGatewaySettings, host: Host) -> None:
    """Connect, wire and register."""
    pool = await host.stack.enter_async_context(postgres.pool(settings.postgres, "turn_gateway"))
    host.readiness("postgres", postgres.ready(pool))
    valkey = await host.stack.enter_async_context(redis_client.connect(settings.redis))
    host.readiness("redis", redis_client.ready(valkey), required=False)

    pubsub = PubSub(valkey)
    host.background("pubsub", pubsub.run)
    live = ValkeyLiveFeed(pubsub, settings.limits.stream_buffer)
    tiers = limiting.tiers(settings, host)
    places = limiting.places(settings, tiers)
    crowd = limiting.crowd(settings, host, places)
    engine = _engine(settings, pool, pubsub, places)
    token = partial(_token, settings, host, tiers)
    toolbox = host.channel(channels.ChannelSettings("toolbox", settings.peers.toolbox))
    fence = GrpcEffectFence(toolbox, token, settings.turns.fence_timeout_s)
    admit = events.admission(settings, host, valkey)
    policies = _policies(settings, host, pool, pubsub)
    reply_format = ReplyFormat(policies, FormatReply(markdown.reader()), settings.channels.thread_chars)
    served = delivery.Served(valkey, toolbox)
    leaving = delivery.deliver(settings, host, pool, served, live, policies.registry)
    drain = _drain(
        settings, host, pool, leaving, _Attempting(live, fence, admit, policies, crowd, reply_format, token)
    )
    host.background("turn engine", lambda: engine.serve(tracing.traced(host.tracer, "drain", drain)))
    host.on_drain(engine.retire)
    admission = limiting.admission(settings, host, valkey, tiers, crowd)
    submit = _register(
        settings, host, _Parts(pool, valkey, engine, live, fence, admission, toolbox), policies
    )
    abuse.register(settings, host, pool, valkey, live)
    reaching.register(settings, host, pool, live, reply_format, leaving)
    await router.read(settings, host, submit, policies.registry)


def _engine(
    settings: TurnGatewaySettings, pool: asyncpg.Pool, pubsub: PubSub, places: Places
) -> PostgresEngine:
    engine = settings.engine
    return PostgresEngine(
        Leases(pool, engine.lease_s),
        Presence(
            settings.postgres, ids.new_id("gtw"), heartbeat_s=engine.heartbeat_s, lease_s=engine.lease_s
        ),
        WakeHints(pubsub),
        places,
        sweep_s=engine.sweep_s,
        sweep_limit=engine.sweep_limit,
        max_waiting=engine.max_waiting,
    )


@dataclass(frozen=True, slots=True)
class _Attempting:
    """What attempts use beside the store."""

    live: LiveFeed
    fence: EffectFence
    admit: AdmitEvents
    policies: ChannelPolicies
    crowd: Crowd
    reply_format: ReplyFormat
    token: Callable[[Attempt], str]


def _drain(
    settings: TurnGatewaySettings,
    host: Host,
    pool: asyncpg.Pool,
    leaving: delivery.Leaving,
    uses: _Attempting,
) -> Drain:
    turns, limits, peers = settings.turns, settings.limits, settings.peers
    store = PostgresTurnStore(
        pool,
        max_messages=turns.max_messages,
        history=turns.history,
        artifact_ttl_s=limits.artifact_ttl_s,
    )
    pipeline = host.channel(channels.ChannelSettings("pipeline", peers.pipeline))
    run_attempt = RunAttempt(
        store=store,
        pipeline=GrpcPipeline(
            pipeline,
            uses.token,
            min(turns.brain_s, turns.budget_s),
            uses.policies.supersede_default,
            uses.crowd.noticed,
        ),
        fence=uses.fence,
        live=uses.live,
        poll_s=turns.poll_s,
        flush_s=turns.events_flush_ms / 1000,
        max_artifacts=limits.max_artifacts,
        max_artifact_bytes=limits.max_artifact_bytes,
        admit=uses.admit,
    )
    close_turn = CloseTurn(
        store=store,
        live=uses.live,
        destinations=leaving.wakes,
        reply_format=uses.reply_format,
        replies=Replies(turns.error_reply, settings.errors.fallback_reply, settings.errors.escalated_reply),
        patience_s=turns.commit_patience_s,
        callbacks=leaving.callbacks,
    )
    failed = settings.errors
    policy = ErrorPolicy(
        lost=Pauses(turns.max_attempts - 1, turns.retry_min_s, turns.retry_max_s),
        failed=Pauses(failed.retries, failed.retry_min_s, failed.retry_max_s),
        brain=failed.brain,
        provider=failed.provider,
        target=failed.target,
        budget_s=turns.budget_s,
    )
    early = _early_finish(settings, host, pool, pipeline)
    return Drain(store, run_attempt, close_turn, uses.live, policy, turns.poll_s, early)


def _early_finish(
    settings: TurnGatewaySettings, host: Host, pool: asyncpg.Pool, pipeline: grpc.aio.Channel
) -> EarlyFinish | None:
    early = settings.accumulation.early_finish
    if not early.enabled:
        return None
    return EarlyFinish(
        PostgresOpenWindows(pool),
        GrpcInputJudge(
            pipeline, lambda tenant_id: host.caller_tokens.own("pipeline", tenant_id), early.timeout_s
        ),
        over_ms=early.over_ms,
        after_share=early.after_share,
        after_ms=early.after_ms,
        confidence=early.confidence,
    )


def _token(settings: TurnGatewaySettings, host: Host, tiers: TenantTiers, turn: Attempt | OpenTurn) -> str:
    """A token for one attempt, or for whoever stops it."""
    tier = tiers.seen(turn.tenant_id)
    return host.caller_tokens.mint(
        ["pipeline", "toolbox", "memory"],
        tenant_id=turn.tenant_id,
        session_id=turn.session_id,
        turn_id=turn.turn_id,
        epoch=turn.epoch,
        tier=tier.value if tier else "",
        ttl_s=settings.turns.budget_s * 2,
    )


def _policies(
    settings: TurnGatewaySettings, host: Host, pool: asyncpg.Pool, pubsub: PubSub
) -> ChannelPolicies:
    cached = settings.channels
    overrides = CachedOverrides(
        PostgresChannelOverrides(pool), pubsub, agents=cached.cached_agents, fresh_s=cached.cached_s
    )
    return ChannelPolicies(channel_registry.registry(settings), overrides, _agents(settings, host))


def _register(settings: TurnGatewaySettings, host: Host, parts: _Parts, policies: ChannelPolicies) -> Submit:
    engine, live = parts.engine, parts.live
    limits, accumulation, rhythm = settings.limits, settings.accumulation, settings.accumulation.rhythm
    rhythms = PostgresRhythms(parts.pool, texts=rhythm.earlier_texts, chars=rhythm.earlier_chars)
    accumulate = Accumulate(policies, accumulation.policy(), rhythms)
    messages = PostgresMessageStore(
        parts.pool,
        accumulation.max_wait_ms,
        QueueLimits(settings.turns.max_messages, settings.queue.max_waiting, settings.queue.retry_s),
        Learning(rhythm.gap_min_ms, rhythm.gap_max_ms, rhythm.gaps_kept),
    )
    reader = PostgresSessionReader(parts.pool)
    refusals = RefusalCounter(host.metrics)
    submit = Submit(
        policies.agents, messages, engine, live, accumulate, refusals, parts.admit, LinkIdentity(policies)
    )
    follow = Follow(reader, live, settings.turns.poll_s, limits.page_events)
    host.background("catch up", CatchUp(reader, live, settings.turns.poll_s, limits.page_followed).run)
    streams = Streams(settings.drain.grace_s)
    host.on_drain(streams.drain)
    desk = PostgresTurnDesk(parts.pool)
    trigger = TriggerTurn(desk, engine)
    confirm = ConfirmAction(_confirmations(settings, host, parts.toolbox), trigger)
    conversing = Conversing(
        submit=submit,
        confirm=confirm,
        registry=policies.registry,
        keep_open=KeepOpen(messages, engine, accumulation.typing_ms, accumulation.typing_stopped_ms),
        follow=follow,
        reader=reader,
        streams=streams,
        max_chars=limits.max_text_chars,
        buffer=limits.stream_buffer,
    )
    cached = sessions.cached(settings, host, reader, parts.valkey)
    use = UseCases(
        submit=submit,
        registry=policies.registry,
        send=Send(submit, follow, reader),
        trigger=trigger,
        confirm=confirm,
        cancel=CancelTurn(desk, reader, parts.fence, engine, live),
        sessions=cached,
        conversing=conversing,
        watching=Watching(follow, streams, limits.stream_buffer),
    )
    servicer = TurnGatewayServicer(use, limits)
    turn_gateway_service_pb2_grpc.add_TurnGatewayServiceServicer_to_server(servicer, host.server)
    host.serves("focal.turn.v1.TurnGatewayService")
    shared = sessions.Parts(parts.pool, reader, cached, engine, live)
    sessions.register(settings, host, shared, policies.registry)
    channel_service_pb2_grpc.add_ChannelServiceServicer_to_server(ChannelServicer(policies), host.server)
    host.serves("focal.turn.v1.ChannelService")
    events.register(settings, host, parts.pool, streams)
    return submit


def _confirmations(settings: TurnGatewaySettings, host: Host, toolbox: grpc.aio.Channel) -> GrpcConfirmations:
    return GrpcConfirmations(
        toolbox,
        lambda tenant_id, session_id: host.caller_tokens.mint(
            ["toolbox"], tenant_id=tenant_id, session_id=session_id
        ),
        settings.turns.fence_timeout_s,
    )


def _agents(settings: TurnGatewaySettings, host: Host) -> ConfigDirectory:
    limits = settings.limits
    config_watcher = channels.ChannelSettings(
        "config_watcher",
        settings.peers.config_watcher,
        safe_methods=(_POINTER,),
        timeout_s=limits.agents_timeout_s,
    )
    return ConfigDirectory(
        host.channel(config_watcher),
        lambda tenant_id: host.caller_tokens.own("config_watcher", tenant_id),
        known_s=limits.known_agents_s,
        unknown_s=limits.unknown_agents_s,
    )
