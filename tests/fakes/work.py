"""The work of a call as a count, which no other load on the machine changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(call: Callable[[], object]) -> int:
    """How many instructions of Python a call takes; what it does within C (numpy, sorting) is one each."""
    taken = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return trace

    others = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(others)
    return taken
