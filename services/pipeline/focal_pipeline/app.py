"""The composition root: builds every part of the pipeline and says what it serves."""

from __future__ import annotations

import functools

import grpc
import grpc.aio

from focal.pipeline.v1.pipeline_service_pb2_grpc import add_PipelineServiceServicer_to_server
from focal_embedding import opened
from focal_kernel import errors
from focal_kernel.clock import SystemClock
from focal_pipeline.adapters import config_watcher, memory, toolbox
from focal_pipeline.adapters.reuse import PrometheusReuse
from focal_pipeline.core import following
from focal_pipeline.core.describe_agent import DescribeAgent
from focal_pipeline.core.judge_input import JudgeInput
from focal_pipeline.core.judging import Signals
from focal_pipeline.core.run_turn import Brain
from focal_pipeline.core.runtimes import Runtimes
from focal_pipeline.ports import LanguageModel
from focal_pipeline.settings import LlmSettings, PipelineSettings
from focal_pipeline.transport.pipeline_service import PipelineServicer
from focal_service_kit import channels
from focal_service_kit.host import Host

SERVICE = "focal.pipeline.v1.PipelineService"


async def build(settings: PipelineSettings, host: Host) -> None:
    """Register the service on the host."""
    clock = SystemClock()
    source = _bundles(settings, host)
    embedder = await host.stack.enter_async_context(opened(settings.embedding))
    runtimes = Runtimes(
        source,
        embedder,
        size=settings.runtime.cached,
        ttl_s=settings.runtime.ttl_s,
        timer=clock.monotonic,
    )
    model = await _models(settings.llm, host)
    brain = Brain(
        runtimes=runtimes,
        embedder=embedder,
        toolbox=_toolbox(settings, host),
        memory=_memory(settings, host),
        model=model,
        settings=settings,
        clock=clock,
        judge=Signals(settings.supersede, pattern_timeout_s=settings.collection.pattern_timeout_ms / 1000),
        counts=PrometheusReuse(host.metrics),
    )
    servicer = PipelineServicer(
        brain, DescribeAgent(runtimes, settings.llm), JudgeInput(runtimes, model, settings.llm)
    )
    add_PipelineServiceServicer_to_server(servicer, host.server)
    host.serves(SERVICE)
    host.background("follow bundles", functools.partial(_follow, source, runtimes, settings))


async def _follow(
    source: config_watcher.ConfigWatcher, runtimes: Runtimes, settings: PipelineSettings
) -> None:
    await following.follow(
        source,
        runtimes,
        first_pause_s=settings.runtime.reconnect_first_s,
        longest_pause_s=settings.runtime.reconnect_longest_s,
    )


def _bundles(settings: PipelineSettings, host: Host) -> config_watcher.ConfigWatcher:
    return config_watcher.ConfigWatcher(
        _peer(host, config_watcher.NAME, settings.peers.config_watcher),
        functools.partial(host.caller_tokens.own, config_watcher.NAME),
        timeout_s=settings.runtime.fetch_timeout_s,
    )


def _toolbox(settings: PipelineSettings, host: Host) -> toolbox.ToolboxClient:
    return toolbox.ToolboxClient(
        _peer(host, toolbox.NAME, settings.peers.toolbox),
        margin_s=settings.tools.margin_s,
        unavailable_s=settings.tools.unavailable_s,
    )


def _memory(settings: PipelineSettings, host: Host) -> memory.MemoryClient:
    channel = _peer(host, memory.NAME, settings.peers.memory)
    return memory.MemoryClient(channel, timeout_s=settings.memory.timeout_s)


def _peer(host: Host, name: str, target: str) -> grpc.aio.Channel:
    """A channel whose state is shown; the pipeline serves without any of its peers as well as it can."""
    channel = host.channel(channels.ChannelSettings(name, target))

    async def connected() -> None:
        if channel.get_state(try_to_connect=True) is not grpc.ChannelConnectivity.READY:
            raise errors.Unavailable("DEPENDENCY_UNAVAILABLE", f"{name} is not connected")

    host.readiness(name, connected, required=False)
    return channel


async def _models(settings: LlmSettings, host: Host) -> LanguageModel | None:
    """None when no endpoint is configured: then nothing leaves the process."""
    if not settings.configured:
        return None
    import openai  # a second of start-up that the offline mesh need not pay

    from focal_pipeline.adapters.openai_models import OpenAIModels

    client = openai.AsyncOpenAI(
        base_url=settings.base_url or None,
        api_key=settings.api_key.get_secret_value() or "none",
        max_retries=0,
    )
    return OpenAIModels(await host.stack.enter_async_context(client))
