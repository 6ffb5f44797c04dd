"""An agent with any number of rules, generated so that its conditions differ and one of them always
applies.
"""

from __future__ import annotations

from focal.config.v1 import version_pb2

AGENT_ID = "bench_desk"
QUESTION = "What is your policy for returning shoes number {number}?"

_AGENT = """\
id: bench_desk
name: Bench desk
description: Answers questions about policies.
language: en
system_prompt: You answer questions about the shop's policies in one short sentence.
error_reply: Sorry, something went wrong.
"""
_APPLIES = """\
returns_policy:
  when: what is the policy for returning shoes, the return policy
  then: Returns are possible within 30 days of delivery.
"""
_THINGS = ("lamps", "tents", "chairs", "kettles", "boots", "jackets", "mugs", "ropes", "stoves", "maps")
_MATTERS = (
    "warranty",
    "delivery",
    "price",
    "colour",
    "size",
    "stock",
    "repair",
    "gift wrapping",
    "invoice",
    "care",
)


def sources(rules: int) -> list[version_pb2.SourceFile]:
    """The agent's folder with `rules` rules."""
    entries = [_APPLIES, *(_rule(number) for number in range(1, rules))]
    return [
        version_pb2.SourceFile(path="agent.yaml", content=_AGENT),
        version_pb2.SourceFile(path="rules.yaml", content="\n".join(entries)),
    ]


def _rule(number: int) -> str:
    thing = _THINGS[number % len(_THINGS)]
    matter = _MATTERS[number // len(_THINGS) % len(_MATTERS)]
    return (
        f"rule_{number}:\n"
        f"  when: asks about the {matter} of {thing} of series {number}\n"
        f"  then: Explain the {matter} of {thing} of series {number}.\n"
    )
