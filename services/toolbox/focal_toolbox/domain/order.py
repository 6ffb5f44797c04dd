"""What a caller asks for: one call, and on whose behalf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt at a turn that a call belongs to; tenant, session, turn and epoch are verified.

    `config_version` 0 means the agent's current version. `no_pending_messages`: the caller looked for
    messages right before the call and has decided about all there were.
    """

    tenant_id: str
    agent_id: str
    config_version: int
    session_id: str
    turn_id: str
    turn_group_id: str
    epoch: int
    no_pending_messages: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One call to carry out; `occurrence` tells equal calls of one turn group apart, from 1. With `no_retry`
    a failure of an equal earlier call is its result.
    """

    attempt: Attempt
    tool_name: str
    arguments_json: str
    occurrence: int = 1
    no_retry: bool = False


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of a call: the values, and the one spelling of them that is hashed and stored."""

    canonical: str
    values: Mapping[str, Any]
