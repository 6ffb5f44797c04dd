"""Turns to protobuf."""

from __future__ import annotations

from datetime import datetime

from focal.common.v1 import usage_pb2
from focal.turn.v1 import message_pb2, turn_pb2
from focal_turn_gateway.codecs import values
from focal_turn_gateway.domain.turns import Turn


def turn_to_proto(turn: Turn, closed_at: datetime | None = None) -> turn_pb2.Turn:
    """A turn; `closed_at` stands in for a record that was written before its commit knew the time."""
    encoded = turn_pb2.Turn(
        turn_id=turn.turn_id,
        session_id=turn.session_id,
        turn_group_id=turn.turn_group_id,
        status=values.to_enum(turn_pb2.TurnStatus, turn.status.value),
        attempt=turn.attempt,
        turn_index=turn.turn_index,
        message_ids=turn.message_ids,
        reply=[
            turn_pb2.ReplySegment(
                index=segment.index,
                text=segment.text,
                content_type=values.to_enum(turn_pb2.ContentType, segment.content_type),
                structured_json=segment.structured_json,
            )
            for segment in turn.reply
        ],
        outcome=values.to_enum(turn_pb2.TurnOutcome, turn.outcome),
        aggregation_reason=values.to_enum(turn_pb2.AggregationReason, turn.aggregation_reason),
        superseded_by=turn.superseded_by,
        superseded_from=turn.superseded_from,
        config_version=turn.config_version,
        matched_rule_ids=turn.matched_rule_ids,
        tools=[
            turn_pb2.ToolUse(
                tool_name=tool.tool_name,
                status=tool.status,
                effect_id=tool.effect_id,
                error_reason=tool.error_reason,
            )
            for tool in turn.tools
        ],
        usage=usage_pb2.Usage(
            llm_calls=turn.usage.llm_calls,
            prompt_tokens=turn.usage.prompt_tokens,
            completion_tokens=turn.usage.completion_tokens,
            prompt_characters=turn.usage.prompt_characters,
            models=turn.usage.models,
        ),
        commit_point_reached=turn.commit_point_reached,
        cause=values.to_enum(turn_pb2.TurnCause, turn.cause),
        status_reason=turn.status_reason,
        dispositions={
            message_id: values.to_enum(message_pb2.MessageDisposition, disposition)
            for message_id, disposition in turn.dispositions.items()
        },
        left_effect_ids=turn.left_effect_ids,
    )
    encoded.opened_at.FromDatetime(turn.opened_at)
    if ended := turn.closed_at or closed_at:
        encoded.closed_at.FromDatetime(ended)
    return encoded
