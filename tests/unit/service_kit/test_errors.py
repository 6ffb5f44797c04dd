from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest

from focal.common.v1 import errors_pb2
from focal_kernel import errors as kernel
from focal_service_kit import errors

ROOT = Path(__file__).parents[3]
FAMILIES = "|".join(family.__name__ for family in vars(kernel).values() if isinstance(family, type))
RAISED = re.compile(rf"(?:{FAMILIES})\(\s*\"([A-Z_]+)\"")


def handwritten() -> list[Path]:
    return [*ROOT.glob("libs/*/focal_*/**/*.py"), *ROOT.glob("services/*/focal_*/**/*.py")]


def test_every_reason_in_the_code_is_part_of_the_contract() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name, _ in errors_pb2.ErrorReason.items()}
    used = {
        (str(path.relative_to(ROOT)), reason)
        for path in handwritten()
        for reason in RAISED.findall(path.read_text())
    }
    assert len(used) > 5
    assert [(path, reason) for path, reason in sorted(used) if reason not in known] == []


def test_every_family_has_its_status_and_the_way_back() -> None:
    families = [
        family
        for family in vars(kernel).values()
        if isinstance(family, type)
        and issubclass(family, kernel.FocalError)
        and family is not kernel.FocalError
    ]
    codes = {family: errors.code(family("X", "text")) for family in families}
    assert len(set(codes.values())) == len(families) == 13
    assert codes[kernel.NotFound] is grpc.StatusCode.NOT_FOUND


def test_a_services_own_error_keeps_its_familys_status() -> None:
    class ToolNotFound(kernel.NotFound):
        pass

    assert errors.code(ToolNotFound("TOOL_NOT_FOUND", "no")) is grpc.StatusCode.NOT_FOUND


def test_an_unforeseen_exception_keeps_its_text_to_itself() -> None:
    error = errors.translate(RuntimeError("hunter2"), ())
    assert error.reason == "INTERNAL_ERROR"
    assert "hunter2" not in f"{error} {error.metadata}"


def test_a_translator_may_decline() -> None:
    away = kernel.Unavailable("DEPENDENCY_UNAVAILABLE", "away")
    translators = (lambda raised: None, lambda raised: away)
    assert errors.translate(OSError(), translators) is away


@pytest.mark.parametrize("text", ["é" * 5000, "日本語"])
def test_any_text_can_travel_as_a_message(text: str) -> None:
    status = errors.to_status(kernel.NotFound("AGENT_NOT_FOUND", text))
    assert status.details == text[: errors.MESSAGE_CHARS]
