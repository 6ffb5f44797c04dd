import pytest

from focal_toolbox.core import arguments
from focal_toolbox.domain import confirmation


@pytest.mark.parametrize(
    ("text", "given", "prompt"),
    [
        ("Pay {amount} for {order_id}?", '{"amount": 59.90, "order_id": "1"}', "Pay 59.9 for 1?"),
        ("Keep {open}, {gift}?", '{"open": false, "gift": true}', "Keep no, yes?"),
        ("Send {lines}?", '{"lines": [1, "a"]}', 'Send [1,"a"]?'),
        ("Sure?", "{}", "Sure?"),
        ("Say {words}?", '{"words": "{order_id}"}', "Say {order_id}?"),
    ],
)
def test_a_question_names_the_arguments_it_is_about(text: str, given: str, prompt: str) -> None:
    assert confirmation.prompt("pay", text, arguments.read(given, 1000)) == prompt


@pytest.mark.parametrize("text", ["", "Pay {amount}?"])
def test_a_question_that_cannot_be_filled_names_everything(text: str) -> None:
    found = confirmation.prompt("pay", text, arguments.read('{"order_id": "1"}', 1000))
    assert found == "May I run pay with order_id 1?"


def test_a_question_has_an_end() -> None:
    given = arguments.read('{"words": "' + 9000 * "a" + '"}', 10_000)
    assert len(confirmation.prompt("say", "{words}", given)) == confirmation.LONGEST_PROMPT


def test_equal_arguments_are_one_question_however_they_are_spelled() -> None:
    one, other = (arguments.read(text, 100).canonical for text in ('{"a":1.0,"b":2}', '{ "b": 2, "a": 1 }'))
    assert confirmation.arguments_hash(one) == confirmation.arguments_hash(other)
    assert confirmation.arguments_hash(one) != confirmation.arguments_hash('{"a":1}')
