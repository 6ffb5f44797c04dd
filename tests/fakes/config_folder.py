"""A small folder of sources without a mistake, and what is found in it."""

from __future__ import annotations

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.domain.problem import Problem
from focal_config_watcher.domain.sources import Limits
from tests.fakes.config_watcher import sources

VARIABLES = """
order_id: {ask: Which order?}
amount: {type: number, ask: How much?}
"""
TOOLS = """
look:
  description: Looks.
  policy: pure
  parameters:
    type: object
    properties: {order_id: {type: string, maxLength: 5}, detail: {enum: [short, long]}}
    required: [order_id]
  http: {url: "http://shop/{order_id}"}
pay:
  description: Pays.
  policy: irreversible
  business_key: [order_id]
  parameters:
    type: object
    properties: {order_id: {type: string}}
    required: [order_id]
  http: {method: POST, url: "http://shop/{order_id}/pay"}
"""
SCENARIO = """
buy:
  starts_when: [I want to buy]
  steps:
    ask:
      collects: [order_id]
      next: [{to: done}]
    done: {terminal: true}
"""


def problems(**contents: str) -> list[Problem]:
    """What is wrong with that folder when some of its files read otherwise."""
    contents = {"variables": VARIABLES, "tools": TOOLS, "scenarios": SCENARIO, **contents}
    return list(reading.read(sources(**contents), Limits()).problems)
