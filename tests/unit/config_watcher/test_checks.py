"""Every reason that can be given, on the smallest folder that deserves it."""

import pytest

from focal_config_watcher.core.authoring import reading
from focal_config_watcher.domain.problem import Severity
from focal_config_watcher.domain.sources import Limits, SourceFile
from tests.fakes.config_folder import TOOLS, VARIABLES, problems
from tests.fakes.config_watcher import sources


def rule(body: str) -> str:
    return f"r:\n  when: x\n  then: y\n{body}"


def provided(provider: str, config: str = "") -> str:
    more = f"  config: {config}\n" if config else ""
    return f"t:\n  description: x\n  policy: pure\n  provider: {provider}\n{more}"


def queued(config: str) -> str:
    head = "t:\n  description: x\n  policy: idempotent\n  asynchronous: true\n"
    return f"{head}  provider: queue\n  config: {config}\n"


def scenario(steps: str, head: str = "") -> str:
    return f"s:\n  starts_when: [x]\n{head}  steps:\n{steps}"


def test_the_folder_that_all_tests_start_from_is_sound() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("file", "text", "reason", "line"),
    [
        ("rules", rule("  scope: nowhere"), "DANGLING_SCENARIO", 4),
        ("rules", rule("  scope: buy#nowhere"), "DANGLING_STEP", 4),
        ("rules", rule("  templates: [a, nowhere]"), "DANGLING_TEMPLATE", 4),
        ("rules", rule("  tools: [{tool: nowhere}]"), "DANGLING_TOOL", 4),
        ("rules", rule("  hard: true"), "ENFORCEMENT_UNAVAILABLE", 4),
        ("tools", TOOLS + provided("internal"), "MISSING_KEY", 22),
        ("tools", TOOLS + provided("internal", "{functon: f, function: f}"), "UNKNOWN_KEY", 23),
        ("tools", TOOLS + provided("internal", "{function: 3}"), "WRONG_TYPE", 23),
        ("tools", TOOLS + provided("grpc", "{url: '${SHOP}', metod: a.B/C}"), "UNKNOWN_KEY", 23),
        ("tools", TOOLS + provided("grpc", "{url: '${SHOP}', method: a.B.C}"), "BAD_VALUE", 23),
        ("tools", TOOLS + provided("grpc", "{url: 'http://shop', method: a.B/C}"), "BAD_VALUE", 23),
        ("tools", TOOLS + provided("mcp", "{server: s, tool: t, command: sh}"), "UNKNOWN_KEY", 23),
        ("tools", TOOLS + provided("mcp", "{server: s, tool: t, errors: no}"), "BAD_VALUE", 23),
        (
            "tools",
            TOOLS + provided("grpc", "{url: '${S}', method: a.B/C, descriptors: AA==, descriptor_set: x}"),
            "BAD_VALUE",
            23,
        ),
        ("tools", TOOLS + provided("queue"), "BAD_VALUE", 20),
        ("tools", TOOLS + queued("{function: f}").replace("queue", "internal"), "BAD_VALUE", 20),
        ("tools", TOOLS + queued("{stream: events.routed.acme.web}"), "UNKNOWN_KEY", 24),
        ("tools", TOOLS + queued("{queue: 'not a name'}"), "BAD_ID", 24),
        ("rules", rule("  must_hold: amount < 50"), "ENFORCEMENT_UNAVAILABLE", 4),
        ("rules", "r:\n  when: x\n  then: say {nobody}", "DANGLING_VARIABLE", 3),
        ("rules", "bad id:\n  when: x\n  then: y", "BAD_ID", 1),
        ("templates", "t: {text: 'Hello { name }'}", "BAD_PLACE", 1),
        ("templates", "t: {text: hi, translations: {de: '{nobody}'}}", "DANGLING_VARIABLE", 1),
        ("templates", "t: {text: hi, scope: nowhere}", "DANGLING_SCENARIO", 1),
        ("scenarios", scenario("    a: {next: [{to: b}]}"), "DANGLING_STEP", 4),
        ("scenarios", scenario("    a: {terminal: true}", "  entry: b\n"), "DANGLING_STEP", 3),
        ("scenarios", scenario("    a: {terminal: true, next: [{to: a}]}"), "TERMINAL_WITH_NEXT", 4),
        ("scenarios", scenario("    a: {terminal: true, collects: [nobody]}"), "DANGLING_VARIABLE", 4),
        ("scenarios", scenario("    a: {next: [{to: a, known: [nobody]}]}"), "DANGLING_VARIABLE", 4),
        ("scenarios", scenario("    a: {next: [{to: a, equals: {nobody: 1}}]}"), "DANGLING_VARIABLE", 4),
        ("scenarios", scenario("    a: {next: [{to: a, equals: {amount: x}}]}"), "WRONG_VALUE", 4),
        ("scenarios", scenario("    a: {terminal: true, does: '{nobody}'}"), "DANGLING_VARIABLE", 4),
        ("scenarios", "global:\n  starts_when: [x]\n  steps: {a: {terminal: true}}", "BAD_ID", 1),
        ("variables", VARIABLES + "x: {pattern: '('}", "BAD_PATTERN", 4),
        ("variables", VARIABLES + "x: {pattern: 'a*'}", "BAD_PATTERN", 4),
        ("variables", VARIABLES + "x: {type: boolean, synonyms: {maybe: [perhaps]}}", "WRONG_VALUE", 4),
        ("variables", VARIABLES + "x: {synonyms: {a: [One], b: [one]}}", "AMBIGUOUS_WORD", 4),
        ("variables", VARIABLES + "x: {allowed: [a], synonyms: {b: [one]}}", "WRONG_VALUE", 4),
        ("variables", VARIABLES + "x: {type: number, allowed: [a]}", "WRONG_VALUE", 4),
        ("variables", VARIABLES + "x: {resolver: nowhere}", "DANGLING_TOOL", 4),
        ("variables", VARIABLES + "Order: {}", "BAD_NAME", 4),
        ("rules", rule("  tools: [{tool: look, arguments: {order_id: '{nobody}'}}]"), "DANGLING_VARIABLE", 4),
        ("rules", rule("  tools: [{tool: look, arguments: {order: '{order_id}'}}]"), "UNKNOWN_ARGUMENT", 4),
        ("rules", rule("  tools: [{tool: look}]"), "MISSING_ARGUMENT", 4),
        ("rules", rule("  tools: [{tool: look, arguments: {order_id: 1}}]"), "WRONG_VALUE", 4),
        ("rules", rule("  tools: [{tool: look, arguments: {order_id: '{amount}'}}]"), "WRONG_VALUE", 4),
        (
            "rules",
            rule("  tools: [{tool: look, arguments: {order_id: '{order_id}', detail: full}}]"),
            "WRONG_VALUE",
            4,
        ),
        (
            "rules",
            rule("  tools: [{tool: look, arguments: {order_id: a}, results: {nobody: x}}]"),
            "DANGLING_VARIABLE",
            4,
        ),
        (
            "rules",
            rule("  tools: [{tool: look, arguments: {order_id: a}, depends_on: [nowhere]}]"),
            "DANGLING_TOOL",
            4,
        ),
        (
            "rules",
            rule(
                "  tools:\n    - {tool: look, arguments: {order_id: a}, depends_on: [pay]}\n"
                "    - {tool: pay, arguments: {order_id: a}, depends_on: [look]}"
            ),
            "CIRCULAR_TOOLS",
            5,
        ),
    ],
)
def test_an_error_is_found_in_its_line(file: str, text: str, reason: str, line: int) -> None:
    found = problems(**{file: text})
    assert (reason, line, f"{file}.yaml") in {(item.reason, item.line, item.path) for item in found}
    assert any(item.refuses for item in found)


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("scenarios", scenario("    a: {terminal: true}\n    b: {terminal: true}"), "UNREACHABLE_STEP"),
        ("scenarios", scenario("    a: {}"), "DEAD_END"),
        (
            "scenarios",
            scenario("    a: {terminal: true, tools: [{tool: pay, arguments: {order_id: x}}]}"),
            "NO_CHECKPOINT",
        ),
        ("rules", rule("  tools: [{tool: pay, arguments: {order_id: x}}]"), "NO_CHECKPOINT"),
        ("variables", VARIABLES + "x: {only_when_asked: true}", "NEVER_ASKED"),
        ("variables", VARIABLES.replace("{ask: Which order?}", "{}"), "NO_QUESTION"),
    ],
)
def test_what_is_only_unwise_is_a_warning(file: str, text: str, reason: str) -> None:
    found = problems(**{file: text})
    assert {(item.reason, item.severity) for item in found} == {(reason, Severity.WARNING)}


def test_rules_that_may_match_together_must_not_wait_for_one_another() -> None:
    rules = (
        "a: {when: x, then: y, tools: [{tool: look, arguments: {order_id: a}, depends_on: [pay]}]}\n"
        "b: {when: x, then: y, tools: [{tool: pay, arguments: {order_id: a}, depends_on: [look]}]}\n"
    )
    assert "CIRCULAR_TOOLS" in {item.reason for item in problems(rules=rules)}


def test_settings_of_the_toolbox_are_no_arguments_and_a_dollar_before_a_place_is_a_dollar() -> None:
    tools = TOOLS.replace('"http://shop/{order_id}"', '"${shop_url}/{order_id}"')
    assert problems(tools=tools, templates="t: {text: 'It costs ${amount}.'}") == []
    assert "DANGLING_VARIABLE" in {item.reason for item in problems(templates="t: {text: '${nobody}'}")}


def test_a_checkpoint_on_every_way_guards_an_irreversible_tool() -> None:
    guarded = scenario(
        "    a: {checkpoint: asked, next: [{to: b}]}\n"
        "    b: {terminal: true, tools: [{tool: pay, arguments: {order_id: x}}]}"
    )
    assert problems(scenarios=guarded) == []
    open_way = guarded.replace("    a: {", "    c: {next: [{to: a}, {to: b}]}\n    a: {")
    assert [item.reason for item in problems(scenarios=open_way)] == ["NO_CHECKPOINT"]


def test_an_id_defined_in_two_files_is_refused_at_the_second() -> None:
    [problem] = problems(rules__a=rule(""), rules__b=rule(""))
    assert (problem.reason, problem.path) == ("DUPLICATE_ID", "rules/b.yaml")
    assert "rules/a.yaml" in problem.message


def test_a_reference_to_a_definition_with_errors_is_not_reported_as_dangling_too() -> None:
    found = problems(rules=rule("  templates: [t]\n  scope: s#a"), templates="t: {txt: hi}",
                     scenarios="s: {starts_when: 1, steps: {a: {}}}")  # fmt: skip
    assert {item.reason for item in found} == {"UNKNOWN_KEY", "MISSING_KEY", "WRONG_TYPE"}


def test_a_mistake_in_one_step_does_not_hide_the_dangling_reference_in_another() -> None:
    found = problems(
        scenarios=scenario(
            "    a: {nxt: [], next: [{to: b}], collects: [nobody]}\n"
            "    b: {terminal: maybe, next: [{to: a}, {when: x}, {to: 3}]}\n"
            "    e: nothing\n"
            "    c: {tools: [{tool: nowhere, arguments: {x: '{nobody}'}}], next: [{to: d}, {to: e}]}\n"
        )
    )
    assert [(item.line, item.reason) for item in found] == [
        (4, "UNKNOWN_KEY"),
        (4, "DANGLING_VARIABLE"),
        (5, "WRONG_TYPE"),
        (5, "MISSING_KEY"),
        (5, "WRONG_TYPE"),
        (6, "WRONG_TYPE"),
        (7, "DANGLING_TOOL"),
        (7, "DANGLING_VARIABLE"),
        (7, "DANGLING_STEP"),
    ]


def test_what_the_loss_of_a_wrong_part_would_cause_is_not_reported() -> None:
    found = problems(tools=TOOLS.replace("business_key: [order_id]", "business_key: order_id"))
    assert [item.reason for item in found] == ["WRONG_TYPE"]


def test_every_problem_of_every_file_is_reported_at_once() -> None:
    found = problems(
        agent="id: desk\nname: x\nsystem_prompt: y\ncolour: red",
        rules=rule("  scope: nowhere"),
        templates="t: {text: '{nobody}'}",
        tools=TOOLS.replace("  business_key: [order_id]\n", ""),
        variables=VARIABLES + "x: {pattern: '['}",
        scenarios="not yaml: [",
    )
    assert {item.path for item in found} == {
        "agent.yaml", "rules.yaml", "templates.yaml", "tools.yaml", "variables.yaml", "scenarios.yaml",
    }  # fmt: skip


def test_problems_beyond_the_limit_are_mentioned_and_errors_come_first() -> None:
    rules = "\n".join(f"r{n}: {{when: x, then: '{{nobody}}'}}" for n in range(20))
    read = reading.read(sources(rules=rules, scenarios=scenario("    a: {}")), Limits(problems=5))
    assert len(read.problems) == 5
    assert read.problems[0].reason == "MORE_PROBLEMS"
    assert all(item.refuses for item in read.problems)
    assert read.bundle is None


def test_too_many_definitions_are_refused() -> None:
    rules = "\n".join(f"r{n}: {{when: x, then: y}}" for n in range(3))
    read = reading.read(sources(rules=rules), Limits(definitions=2))
    assert [item.reason for item in read.problems] == ["TOO_MANY"]


def test_two_agent_files_are_refused() -> None:
    files = [*sources(), SourceFile("agent.yml", "id: other\nname: x\nsystem_prompt: y")]
    assert [item.reason for item in reading.read(files, Limits()).problems] == ["DUPLICATE_FILE"]


def test_an_empty_agent_file_says_what_it_needs() -> None:
    assert [item.reason for item in problems(agent="")] == ["EMPTY"]
