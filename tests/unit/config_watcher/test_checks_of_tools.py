"""Tools that act, what undoes them and what settles doubts about them."""

import pytest

from tests.fakes.config_folder import TOOLS, problems


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  business_key: [order_id]\n", "", "NO_BUSINESS_KEY"),
        ("business_key: [order_id]", "business_key: [amount]", "BAD_BUSINESS_KEY"),
        ("policy: irreversible", "policy: compensatable", "NO_COMPENSATION"),
        ("policy: irreversible", "policy: irreversible\n  compensation: pay", "DANGLING_TOOL"),
        ("policy: irreversible", "policy: irreversible\n  compensation: undo", "DANGLING_TOOL"),
        ("policy: irreversible", "policy: compensatable\n  compensation: look", "BAD_COMPENSATION"),
        (
            "policy: irreversible",
            "policy: irreversible\n  compensation_arguments: {a: b}",
            "BAD_COMPENSATION",
        ),
        ("type: object", "type: objekt", "BAD_SCHEMA"),
        ("type: object", "type: array", "BAD_SCHEMA"),
        ("{type: string, maxLength: 5}", "{$ref: 'http://elsewhere/schema'}", "BAD_SCHEMA"),
        ("http://shop/{order_id}/pay", "http://shop/{order}/pay", "UNKNOWN_ARGUMENT"),
        ("http://shop/{order_id}/pay", "ftp://shop/{order_id}/pay", "BAD_URL"),
        ("http: {method: POST", "body: {}\n  http: {method: POST", "UNKNOWN_KEY"),
    ],
)
def test_a_tool_that_would_act_unsafely_is_refused(old: str, new: str, reason: str) -> None:
    assert old in TOOLS
    assert reason in {item.reason for item in problems(tools=TOOLS.replace(old, new)) if item.refuses}


UNDONE = """
hold:
  description: Keeps one back.
  policy: compensatable
  business_key: [order_id]
  compensation: release
  compensation_arguments: {hold: result.hold.id}
  parameters:
    type: object
    properties: {order_id: {type: string}}
    required: [order_id]
  http: {method: POST, url: "http://shop/{order_id}/hold"}
release:
  description: Gives it back.
  policy: idempotent
  parameters:
    type: object
    properties: {order_id: {type: string}, hold: {type: string}}
    required: [order_id, hold]
  http: {method: DELETE, url: "http://shop/{order_id}/hold/{hold}"}
"""


@pytest.mark.parametrize(("place", "reasons"), [("{order_id}", set()), ("{amount}", {"UNKNOWN_ARGUMENT"})])
def test_the_question_before_a_call_names_its_arguments(place: str, reasons: set[str]) -> None:
    asking = UNDONE.replace("policy: compensatable", f"policy: compensatable\n  confirm: Hold {place}?")
    assert {item.reason for item in problems(tools=TOOLS + asking)} == reasons


def test_a_tool_with_its_undoing_is_sound() -> None:
    assert problems(tools=TOOLS + UNDONE) == []


@pytest.mark.parametrize(
    ("old", "new", "reason", "line"),
    [
        ("policy: idempotent", "policy: pure", "BAD_COMPENSATION", 24),
        ("  compensation_arguments: {hold: result.hold.id}\n", "", "MISSING_ARGUMENT", 24),
        ("{hold: result.hold.id}", "{hold: hold.id}", "BAD_COMPENSATION", 25),
        ("{hold: result.hold.id}", "{hold: result}", "BAD_COMPENSATION", 25),
        ("{hold: result.hold.id}", "{hold: arguments.hold}", "UNKNOWN_ARGUMENT", 25),
        ("{hold: result.hold.id}", "{hold: result.hold.id, day: result.day}", "UNKNOWN_ARGUMENT", 25),
    ],
)
def test_an_undoing_that_could_not_run_by_itself_is_refused(
    old: str, new: str, reason: str, line: int
) -> None:
    assert old in UNDONE
    found = problems(tools=TOOLS + UNDONE.replace(old, new))
    assert (reason, line) in {(item.reason, item.line) for item in found if item.refuses}


CHECKED = """
send:
  description: Sends it.
  policy: irreversible
  business_key: [order_id]
  check:
    tool: find
    arguments: {parcel: arguments.order_id}
    happened: sent != `null`
  parameters:
    type: object
    properties: {order_id: {type: string}}
    required: [order_id]
  http: {method: POST, url: "http://shop/{order_id}/send"}
find:
  description: Looks where it is.
  policy: pure
  parameters:
    type: object
    properties: {parcel: {type: string}}
    required: [parcel]
  http: {url: "http://shop/parcels/{parcel}"}
"""


def test_a_tool_whose_doubts_can_be_settled_is_sound() -> None:
    assert problems(tools=TOOLS + CHECKED) == []
    by_key = CHECKED.replace("arguments.order_id}", "effect.key}")
    assert problems(tools=TOOLS + by_key) == []


@pytest.mark.parametrize(
    ("old", "new", "reason", "line"),
    [
        ("tool: find", "tool: fond", "DANGLING_TOOL", 25),
        ("tool: find", "tool: pay", "BAD_CHECK", 25),
        ("policy: pure", "policy: idempotent", "BAD_CHECK", 25),
        ("policy: irreversible\n  business_key: [order_id]", "policy: pure", "BAD_CHECK", 23),
        ("sent != `null`", "sent != ", "BAD_CHECK", 27),
        ("{parcel: arguments.order_id}", "{parcel: result.parcel}", "BAD_CHECK", 26),
        ("{parcel: arguments.order_id}", "{parcel: effect.id}", "BAD_CHECK", 26),
        ("{parcel: arguments.order_id}", "{parcel: arguments.order}", "UNKNOWN_ARGUMENT", 26),
        ("{parcel: arguments.order_id}", "{packet: arguments.order_id}", "UNKNOWN_ARGUMENT", 26),
        ("    arguments: {parcel: arguments.order_id}\n", "", "MISSING_ARGUMENT", 25),
    ],
)
def test_a_check_that_could_not_tell_is_refused(old: str, new: str, reason: str, line: int) -> None:
    """Break: leave `doubts.check` out of the checks."""
    assert old in CHECKED
    found = problems(tools=TOOLS + CHECKED.replace(old, new))
    assert (reason, line) in {(item.reason, item.line) for item in found if item.refuses}, found
