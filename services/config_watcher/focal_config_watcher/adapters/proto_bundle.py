"""Bundles as `focal.config.v1` messages: definitions as canonical protobuf JSON, vectors binary."""

from collections.abc import Iterator, Mapping

from google.protobuf import json_format
from google.protobuf.message import Message

from focal.config.v1 import agent_pb2, bundle_pb2, tool_definition_pb2
from focal_config_watcher.adapters import proto_definitions as definitions
from focal_config_watcher.domain.authoring.agent import Agent
from focal_config_watcher.domain.authoring.bundle import AuthoredBundle
from focal_config_watcher.domain.catalogue import Tier
from focal_config_watcher.domain.lexical import LexicalIndex
from focal_config_watcher.domain.retrieval import RetrievalIndex
from focal_config_watcher.domain.version import Difference
from focal_kernel import canonical_json


class ProtoBundle:
    """Implements `ports.BundleEncoder`."""

    def definitions(self, bundle: AuthoredBundle) -> dict[str, bytes]:
        parts: dict[str, Message] = {
            "agent": bundle_pb2.AgentPart(agent=_agent(bundle.agent)),
            "rules": bundle_pb2.RulesPart(
                rules=[definitions.rule(*item) for item in sorted(bundle.rules.items())]
            ),
            "scenarios": bundle_pb2.ScenariosPart(
                scenarios=[definitions.scenario(*item) for item in sorted(bundle.scenarios.items())]
            ),
            "templates": bundle_pb2.TemplatesPart(
                templates=[definitions.template(*item) for item in sorted(bundle.templates.items())]
            ),
            "tools": bundle_pb2.ToolsPart(
                tools=[
                    definitions.tool(name, tool, bundle.tiers.get(name, Tier.AGENT))
                    for name, tool in sorted(bundle.tools.items())
                ]
            ),
            "variables": bundle_pb2.VariablesPart(
                variables=[definitions.variable(*item) for item in sorted(bundle.variables.items())]
            ),
        }
        return {name: _canonical(part) for name, part in parts.items()}

    def tool_differences(self, before: bytes, after: bytes) -> tuple[Difference, ...]:
        return tuple(_differences(_tools(before), _tools(after)))

    def vectors(self, index: RetrievalIndex) -> bytes:
        message = bundle_pb2.VectorIndex(
            keys=index.keys,
            matrix=index.matrix.astype("<f4").tobytes(),
            lexical=_lexical(index.lexical),
        )
        return message.SerializeToString(deterministic=True)


def _tools(part: bytes) -> dict[str, tool_definition_pb2.ToolDefinition]:
    message = bundle_pb2.ToolsPart()
    if part:
        json_format.Parse(part, message, ignore_unknown_fields=True)
    return {tool.name: tool for tool in message.tools}


def _differences(
    before: Mapping[str, tool_definition_pb2.ToolDefinition],
    after: Mapping[str, tool_definition_pb2.ToolDefinition],
) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield Difference("tool", name, "added")
        elif name not in after:
            yield Difference("tool", name, "removed")
        elif before[name] != after[name]:
            fields = tool_definition_pb2.ToolDefinition.DESCRIPTOR.fields
            names = [field.name for field in fields]
            changed = [each for each in names if getattr(before[name], each) != getattr(after[name], each)]
            yield Difference("tool", name, "changed", tuple(changed))


def _canonical(message: Message) -> bytes:
    return canonical_json.dumps(json_format.MessageToDict(message)).encode()


def _agent(agent: Agent) -> agent_pb2.Agent:
    return agent_pb2.Agent(
        agent_id=agent.id,
        name=agent.name,
        description=agent.description,
        system_prompt=agent.system_prompt,
        default_language=agent.language,
        models={
            site: agent_pb2.ModelSettings(
                models=settings.models,
                temperature=None if settings.temperature is None else float(settings.temperature),
                max_tokens=settings.max_tokens,
                timeout_ms=settings.timeout_ms,
            )
            for site, settings in agent.models.items()
        },
        error_reply=agent.error_reply,
        enabled=agent.enabled,
        glossary=[
            agent_pb2.GlossaryTerm(term=term, description=meaning) for term, meaning in agent.glossary.items()
        ],
    )


def _lexical(index: LexicalIndex) -> bundle_pb2.LexicalIndex:
    return bundle_pb2.LexicalIndex(
        terms=index.terms,
        offsets=index.offsets.astype("<u4").tobytes(),
        documents=index.documents.astype("<u4").tobytes(),
        weights=index.weights.astype("<f4").tobytes(),
        document_keys=index.document_keys,
    )
