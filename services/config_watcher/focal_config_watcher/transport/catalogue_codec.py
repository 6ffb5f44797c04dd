"""Tools of catalogues as messages, and tiers back."""

from focal.common.v1 import side_effect_policy_pb2
from focal.config.v1 import tool_catalogue_service_pb2 as messages
from focal.config.v1 import tool_definition_pb2
from focal_config_watcher.core.stocktaking import Stocked
from focal_config_watcher.domain.catalogue import Tier
from focal_config_watcher.transport import codec, requests

_TIERS = {
    Tier.PLATFORM: tool_definition_pb2.TOOL_TIER_PLATFORM,
    Tier.TENANT: tool_definition_pb2.TOOL_TIER_TENANT,
}
_BY_NUMBER = {number: tier for tier, number in _TIERS.items()} | {
    tool_definition_pb2.TOOL_TIER_UNSPECIFIED: Tier.TENANT
}


def tier_from_proto(number: tool_definition_pb2.ToolTier.ValueType) -> Tier:
    """The catalogue that a request is about; INVALID_FIELD for one that there is not."""
    if number not in _BY_NUMBER:
        raise requests.invalid("tier", "must be PLATFORM or TENANT")
    return _BY_NUMBER[number]


def tool(stocked: Stocked) -> messages.CatalogueTool:
    """A tool as its catalogue has it."""
    entry = stocked.entry
    message = messages.CatalogueTool(
        name=entry.name,
        tier=_TIERS[stocked.tier],
        adopted=entry.adopted,
        definition_json=stocked.definition_json,
        changes_json=entry.text if entry.adopted else "",
        etag=entry.etag,
        changed_by=entry.changed_by,
        problems=codec.problems(stocked.problems),
    )
    if entry.changed_at is not None:
        message.changed_at.FromDatetime(entry.changed_at)
    if stocked.tool is not None:
        policy = f"SIDE_EFFECT_POLICY_{stocked.tool.policy.upper()}"
        message.policy = side_effect_policy_pb2.SideEffectPolicy.Value(policy)
        message.description = stocked.tool.description
        message.provider = stocked.tool.provider or "http"
        message.enabled = stocked.tool.enabled
    return message
