"""`focal policies`: which calls of tools a tenant allows."""

import asyncio
import shlex
from typing import Annotated

import typer
from google.protobuf import json_format

from focal.common.v1 import side_effect_policy_pb2 as side_effects
from focal.toolbox.v1 import tool_pb2
from focal.toolbox.v1 import tool_policy_pb2 as nouns
from focal.toolbox.v1 import tool_policy_service_pb2 as pb
from focal_cli import connection, options, policy_calls, render

commands = typer.Typer(
    help="Rules about calls of tools; the first that matches decides.", no_args_is_help=True
)

FIELDS = ("position", "tools", "agents", "side_effects", "condition", "approver", "reason")
DECISIONS = ("allow", "deny", "need-approval")
DEFAULT_POSITION = 100

RuleId = Annotated[str, typer.Argument(metavar="RULE", help="The rule's name, as in `focal policies list`.")]
Decided = Annotated[str, typer.Argument(metavar="DECISION", help=f"One of {', '.join(DECISIONS)}.")]
Fields = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FIELD=VALUE…]",
        help=f"Such as 'tools=refund_*'; the fields are {', '.join(FIELDS)}. "
        f"Rules are looked at by position, the lowest first; it is {DEFAULT_POSITION} when left out.",
    ),
]
AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.")]
ToolName = Annotated[str, typer.Argument(metavar="TOOL", help="Name of the tool.")]
Arguments = Annotated[str, typer.Argument(metavar="[JSON]", help="Arguments of the call, a JSON object.")]


@commands.command("list")
def show_list(
    home: options.Home = options.HOME, tenant: options.Tenant = options.TENANT, json: options.Json = False
) -> None:
    """List the rules in the order in which they are looked at."""
    found = asyncio.run(policy_calls.rules(connection.of(home, tenant)))
    if json:
        render.as_json(render.plain(found))
        return
    columns = ("position", "rule", "decision", "tools", "agents", "side effects", "when", "reason")
    render.table("Tool policy", columns, map(_row, found.rules))
    render.console().print(f"Without a rule that matches: {_decision(found.otherwise)}.")


@commands.command()
def put(
    rule: RuleId,
    decision: Decided,
    fields: Fields = None,
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    json: options.Json = False,
) -> None:
    """Store a rule, whole, in place of the one with its name."""
    stored = asyncio.run(policy_calls.put(connection.of(home, tenant), _rule(rule, decision, fields or [])))
    if json:
        render.as_json(render.plain(stored))
        return
    render.console().print(f"Rule {stored.rule_id} is stored; toolboxes follow within two seconds.")


@commands.command()
def remove(rule: RuleId, home: options.Home = options.HOME, tenant: options.Tenant = options.TENANT) -> None:
    """Remove a rule."""
    asyncio.run(policy_calls.remove(connection.of(home, tenant), rule))
    render.console().print(f"Rule {rule} is removed; toolboxes follow within two seconds.")


@commands.command()
def explain(
    agent: AgentId,
    tool: ToolName,
    arguments: Arguments = "{}",
    home: options.Home = options.HOME,
    tenant: options.Tenant = options.TENANT,
    candidate: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="'RULE DECISION [FIELD=VALUE…]'",
            help="As if `put` had stored this rule.",
        ),
    ] = "",
    json: options.Json = False,
) -> None:
    """Say what would be decided of a call, and why; nothing is called or stored."""
    request = pb.ExplainCallRequest(agent_id=agent, tool_name=tool, arguments_json=arguments)
    if candidate:
        request.candidate.CopyFrom(_candidate(candidate))
    found = asyncio.run(policy_calls.explain(connection.of(home, tenant), request))
    if json:
        render.as_json(render.plain(found))
        return
    _explained(found)


def _candidate(text: str) -> nouns.ToolPolicyRule:
    try:
        rule, decision, *fields = shlex.split(text)
    except ValueError:
        raise typer.BadParameter("write RULE DECISION FIELD=VALUE…, quoted", param_hint="--with") from None
    return _rule(rule, decision, fields)


def _rule(rule_id: str, decision: str, fields: list[str]) -> nouns.ToolPolicyRule:
    if decision not in DECISIONS:
        raise typer.BadParameter(f"the decisions are {', '.join(DECISIONS)}", param_hint=decision)
    rule = nouns.ToolPolicyRule(rule_id=rule_id, position=DEFAULT_POSITION)
    rule.decision = nouns.ToolPolicyDecision.Value(f"TOOL_POLICY_DECISION_{_constant(decision)}")
    for each in fields:
        name, equals, value = each.partition("=")
        if not equals or name not in FIELDS:
            raise typer.BadParameter(
                f"write FIELD=VALUE; the fields are {', '.join(FIELDS)}", param_hint=each
            )
        written: object = value
        if name == "side_effects":
            written = [f"SIDE_EFFECT_POLICY_{_constant(word)}" for word in value.split(",")]
        elif name == "approver":
            written = f"APPROVER_{_constant(value)}"
        try:
            json_format.ParseDict({name: written}, rule)
        except json_format.ParseError:
            raise typer.BadParameter(f"{value!r} is no value of {name}", param_hint=each) from None
    return rule


def _constant(word: str) -> str:
    return word.strip().upper().replace("-", "_")


def _explained(found: pb.ExplainCallResponse) -> None:
    rows = [(look.rule_id, "matches" if look.matched else "passes", look.why) for look in found.looks]
    if rows:
        render.table("Rules that were looked at", ("rule", "outcome", "why"), rows)
    by = f"by rule {found.rule_id}" if found.rule_id else "no rule matches"
    because = f": {found.reason}" if found.reason else ""
    render.console().print(f"{_decision(found.decision)}, {by}{because}", markup=False)


def _row(rule: nouns.ToolPolicyRule) -> tuple[object, ...]:
    decision = _decision(rule.decision)
    if rule.decision == nouns.TOOL_POLICY_DECISION_NEED_APPROVAL:
        decision += f" of the {render.enum_name(tool_pb2.Approver, rule.approver)}"
    effects = " ".join(render.enum_name(side_effects.SideEffectPolicy, each) for each in rule.side_effects)
    return (
        rule.position,
        rule.rule_id,
        decision,
        rule.tools or "all",
        rule.agents or "all",
        effects or "all",
        rule.condition or "always",
        rule.reason,
    )


def _decision(number: nouns.ToolPolicyDecision.ValueType) -> str:
    return render.enum_name(nouns.ToolPolicyDecision, number).replace("_", " ")
