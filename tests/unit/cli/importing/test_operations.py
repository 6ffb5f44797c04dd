"""What becomes of the operations of a document."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from focal_cli import tool_files
from focal_cli.importing import document, operations
from focal_cli.importing.reviewing import Imported
from focal_cli.local import errors

EXAMPLE = Path(__file__).parents[4] / "examples" / "order_service" / "openapi.yaml"


def imported(tmp_path: Path, paths: str, more: str = "", version: str = "3.0.3") -> Imported:
    file = tmp_path / "openapi.yaml"
    head = f'openapi: {version}\ninfo: {{title: "My Shop!", version: "1"}}\n'
    file.write_text(f"{head}paths:\n{textwrap.indent(textwrap.dedent(paths), '  ')}\n{textwrap.dedent(more)}")
    return operations.imported(document.read(str(file)))


def tools(made: Imported) -> dict[str, Any]:
    return {tool.name: tool.keys for tool in made.tools}


OK = "responses: {'200': {description: ok}}"


def test_the_order_service_is_read_with_safe_methods_alone_enabled() -> None:
    found = tools(operations.imported(document.read(str(EXAMPLE))))
    enabled = {name for name, keys in found.items() if keys.get("enabled", True)}
    assert enabled == {"get_order", "list_refunds"}
    assert {name for name, keys in found.items() if keys["policy"] == "pure"} == enabled
    assert {keys["policy"] for name, keys in found.items() if name not in enabled} == {"irreversible"}
    refund = found["refund_order"]
    assert refund["business_key"] == ["number"]
    assert refund["http"] == {
        "method": "POST",
        "url": "${ORDER_SERVICE_URL}/orders/{number}/refund",
        "body": {"amount": "{amount}"},
    }
    assert refund["parameters"]["properties"]["amount"] == {"$ref": "#/$defs/Money"}
    assert found["book_pickup"]["http"]["body"] == {}


def test_parameters_of_all_places_become_arguments_and_collisions_are_resolved(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        f"""
        /things/{{thing-id}}:
          parameters:
            - {{name: thing-id, in: path, required: true, schema: {{type: string}}}}
            - {{name: lang, in: query, schema: {{type: string}}}}
          put:
            operationId: "things.update"
            parameters:
              - {{name: lang, in: query, required: true, schema: {{type: string, enum: [en, de]}}}}
              - {{name: X-Trace, in: header, required: true, schema: {{type: string}}}}
              - {{name: X-Maybe, in: header, schema: {{type: string}}}}
              - {{name: tags, in: query, schema: {{type: array, items: {{type: string}}}}}}
            requestBody:
              required: true
              content:
                application/json:
                  schema:
                    type: object
                    required: [lang, id]
                    properties:
                      lang: {{type: string}}
                      id: {{type: string, readOnly: true}}
                      n: {{type: integer}}
            {OK}
        """,
    )
    update = tools(made)["things_update"]
    assert update["http"] == {
        "method": "PUT",
        "url": "${MY_SHOP_URL}/things/{thing_id}",
        "query": {"lang": "{lang}"},
        "headers": {"X-Trace": "{X_Trace}"},
        "body": {"lang": "{lang_2}", "n": "{n}"},
    }
    assert update["parameters"]["required"] == ["thing_id", "lang", "X_Trace", "lang_2"]
    assert update["parameters"]["properties"]["lang"]["enum"] == ["en", "de"]
    remarks = " ".join(made.tools[0].remarks)
    assert "X-Maybe is left out" in remarks
    assert "tags is left out" in remarks
    assert "PUT may be repeated by the standard" in remarks


def test_names_are_made_valid_and_unique(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        f"""
        /a: {{get: {{operationId: a/b, {OK}}}}}
        /b: {{get: {{operationId: a b, {OK}}}}}
        /c/d: {{get: {{{OK}}}}}
        /e: {{get: {{operationId: {"x" * 80}, {OK}}}}}
        """,
    )
    assert list(tools(made)) == ["a_b", "a_b_2", "get_c_d", "x" * 64]


def test_settings_have_a_name_whatever_the_title_is(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    file.write_text(
        f'openapi: 3.1.0\ninfo: {{title: 日本, version: "1"}}\npaths: {{/x: {{get: {{{OK}}}}}}}\n', "utf-8"
    )
    read = document.read(str(file))
    assert tools(operations.imported(read))["get_x"]["http"]["url"] == "${SERVICE_URL}/x"
    assert tools(operations.imported(read, "shop"))["get_x"]["http"]["url"] == "${SHOP_URL}/x"


def test_schemas_of_3_0_become_json_schema_and_circles_stay_references(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        f"""
        /nodes:
          post:
            requestBody:
              required: true
              content: {{application/json: {{schema: {{$ref: '#/components/schemas/Node'}}}}}}
            {OK}
        """,
        """
        components:
          schemas:
            Node:
              type: object
              required: [name]
              properties:
                name: {type: string, nullable: true, example: x, pattern: '(?<bad'}
                share: {type: number, minimum: 0, exclusiveMinimum: true}
                child: {$ref: '#/components/schemas/Node'}
        """,
    )
    schema = tools(made)["post_nodes"]["parameters"]
    assert schema["properties"]["name"] == {"type": ["string", "null"]}
    assert schema["properties"]["share"] == {"type": "number", "exclusiveMinimum": 0}
    assert schema["properties"]["child"] == {"$ref": "#/$defs/Node"}
    assert schema["$defs"]["Node"]["properties"]["child"] == {"$ref": "#/$defs/Node"}


def test_a_body_that_is_no_plain_object_is_one_argument(tmp_path: Path) -> None:
    body = "requestBody: {{content: {{application/json: {{schema: {}}}}}}}"
    made = imported(
        tmp_path,
        f"""
        /list: {{post: {{{body.format("{type: array, items: {type: string}}")}, {OK}}}}}
        /open: {{post: {{{body.format("{type: object, additionalProperties: {type: string}}")}, {OK}}}}}
        """,
    )
    for keys in tools(made).values():
        assert keys["http"]["body"] == "{body}"
        assert keys["parameters"]["required"] == ["body"] == keys["business_key"]


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ("post: {requestBody: {content: {multipart/form-data: {schema: {}}}}, OK}", "only JSON is sent"),
        ("post: {OK}", "no argument is required"),
        (
            "get: {parameters: [{name: a, in: query, required: true, schema: {type: array, items: {}}}], OK}",
            "is a list or an object",
        ),
        (
            "get: {parameters: [{name: a, in: cookie, required: true, schema: {type: string}}], OK}",
            "is sent by no template",
        ),
    ],
)
def test_what_a_template_cannot_say_is_left_out_and_told(tmp_path: Path, operation: str, why: str) -> None:
    made = imported(tmp_path, f"/x: {{{operation.replace('OK', OK)}}}")
    assert made.tools == []
    assert why in made.left_out[0]
    assert any(why in line for line in made.head)


def test_a_path_cannot_name_a_secret(tmp_path: Path) -> None:
    parameter = "[{name: KEY, in: path, required: true, schema: {type: string}}]"
    made = imported(tmp_path, f"/${{KEY}}: {{get: {{parameters: {parameter}, {OK}}}}}")
    assert made.tools == []


@pytest.mark.parametrize(
    ("scheme", "carried"),
    [
        ("{type: http, scheme: bearer}", {"headers": {"Authorization": "Bearer ${MY_SHOP_KEY}"}}),
        ("{type: http, scheme: basic}", {"headers": {"Authorization": "Basic ${MY_SHOP_KEY}"}}),
        ("{type: apiKey, in: header, name: X-Key}", {"headers": {"X-Key": "${MY_SHOP_KEY}"}}),
        ("{type: apiKey, in: query, name: key}", {"query": {"key": "${MY_SHOP_KEY}"}}),
        ("{type: apiKey, in: cookie, name: sid}", {"headers": {"Cookie": "sid=${MY_SHOP_KEY}"}}),
        ("{type: apiKey, in: cookie, name: '${OTHER}'}", {}),
        (
            "{type: openIdConnect, openIdConnectUrl: 'http://x'}",
            {"headers": {"Authorization": "Bearer ${MY_SHOP_KEY}"}},
        ),
    ],
)
def test_secrets_are_references(tmp_path: Path, scheme: str, carried: dict[str, Any]) -> None:
    more = f"components: {{securitySchemes: {{key: {scheme}}}}}\nsecurity: [{{key: []}}]"
    http = dict(tools(imported(tmp_path, f"/x: {{get: {{{OK}}}}}", more))["get_x"]["http"])
    del http["method"], http["url"]
    assert http == carried


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("swagger: '2.0'", "3.0 and 3.1 are read"),
        ("openapi: 3.1.0\ninfo: {title: x}\npaths: {}", "'version' is a required property"),
        ("[1, 2]", "no OpenAPI document"),
        ("a: [", "neither JSON nor YAML"),
        (
            "openapi: 3.0.0\ninfo: {title: x, version: '1'}\npaths: {/x: {$ref: 'http://169.254.169.254/'}}",
            "refers to others, which are not read",
        ),
    ],
)
def test_a_document_that_cannot_be_used_is_explained(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "openapi.yaml"
    file.write_text(text)
    with pytest.raises(errors.LocalError, match=why):
        document.read(str(file))


def test_what_a_document_says_stays_a_comment_or_a_text(tmp_path: Path) -> None:
    said = '"evil\\nother_tool: {policy: pure}\\u2028# x"'
    made = imported(tmp_path, f"/x: {{get: {{operationId: e, description: {said}, {OK}}}}}")
    made.head.append("left: a\nb: c\u2028d: e")
    text = tool_files.rendered(made.head, made.tools)
    keys = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert keys == ["e:"]
    assert tool_files.dumped({"a": "1e3", "b": "yes", "c": 1}) == "a: '1e3'\nb: 'yes'\nc: 1\n"
