"""The two hashes that say when two calls are the same thing.

The business key names the operation on the world ("the refund of order 10003"), in every turn group
alike. The effect key names one wish for it: the same operation, turn group and occurrence. A crash
attempt repeats its turn group, so it arrives at the same effect key.
"""

from __future__ import annotations

from focal_kernel import canonical_json, ids
from focal_toolbox.domain.effect import Effect
from focal_toolbox.domain.order import Arguments, Order
from focal_toolbox.domain.tool import Tool


def business_values(tool: Tool, arguments: Arguments) -> str:
    """Canonical JSON of the business-key fields in their declared order.

    Without declared fields all arguments count. Raises KeyError with the name of a declared field
    that the arguments lack, or hold null or an empty text for.
    """
    if not tool.business_key_fields:
        return arguments.canonical
    return canonical_json.dumps([_present(arguments, name) for name in tool.business_key_fields])


def business_key(order: Order, values: str) -> str:
    """Hash of tenant, tool and `business_values`."""
    return ids.digest("business", order.attempt.tenant_id, order.tool_name, values)


def effect_key(order: Order, values: str) -> str:
    """Hash of tenant, tool, turn group, `business_values` and occurrence."""
    return ids.digest(
        "effect",
        order.attempt.tenant_id,
        order.tool_name,
        order.attempt.turn_group_id,
        values,
        str(order.occurrence),
    )


def read_key(order: Order, arguments: Arguments) -> str:
    """What tells a call of a PURE tool from all others, as the effect key does for the rest."""
    return ids.digest(
        "read",
        order.attempt.tenant_id,
        order.tool_name,
        order.attempt.turn_group_id,
        arguments.canonical,
        str(order.occurrence),
    )


def compensation_key(undone: Effect) -> str:
    """The effect key of what undoes an effect: one for each effect, whoever asks and however often."""
    return ids.digest("compensation", undone.tenant_id, undone.effect_key)


def _present(arguments: Arguments, name: str) -> object:
    value = arguments.values.get(name)
    if value is None or value == "":
        raise KeyError(name)
    return value
