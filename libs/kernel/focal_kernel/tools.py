"""What authors of tools in Python write against: a registry, a context, a refusal.

    shop = tools.Registry()

    @shop.tool("refund_order")
    async def refund(order_id: str, amount: Decimal, context: tools.Context) -> dict[str, object]:
        if await books.paid_back(order_id):
            raise tools.Refused("already_refunded")
        return {"refund": await books.pay(order_id, amount, key=context.idempotency_key)}

Arguments arrive by name, numbers as `int` or `Decimal`. A result is what canonical JSON can say. A
function that is no coroutine runs in a thread of its own.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT = "context"
"""A function that has a parameter of this name is given the Context in it."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REASON = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


class Refused(Exception):
    """The operation was not carried out, and the world is as it was before.

    Raise it only when that is certain: after any other exception nobody takes the call for undone.
    `reason` is a lower-case word, `message` is for people and must hold nothing secret. `passing` says that
    the same call may fare better soon. Raises ValueError for another reason than `[a-z][a-z0-9_.-]{0,63}`.
    """

    def __init__(self, reason: str, message: str = "", *, passing: bool = False) -> None:
        if not _REASON.fullmatch(reason):
            raise ValueError(f"a reason is a lower-case word, not {reason!r}")
        super().__init__(message or reason)
        self.reason = reason
        self.message = message
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf a function is called.

    `idempotency_key` is equal for every repetition of one effect and empty for reads; `deadline` is a
    reading of `time.monotonic()` after which nobody waits for the result. `tell(message, fraction)` reports
    progress to whoever waits for the call, from any thread; `fraction` is the share that is done, 0 when
    unknown.
    """

    tenant_id: str
    idempotency_key: str
    deadline: float
    tell: Callable[[str, float], None]

    def remaining_s(self) -> float:
        """Seconds until the deadline, never below zero."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function."""

    name: str
    call: Callable[..., Any]
    signature: inspect.Signature
    asynchronous: bool

    @property
    def wants_context(self) -> bool:
        """Whether it has a parameter for the Context."""
        return CONTEXT in self.signature.parameters

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        """Whether it can be called with these arguments by name."""
        if self.wants_context and CONTEXT in arguments:
            return False
        given = {**arguments, CONTEXT: None} if self.wants_context else arguments
        try:
            self.signature.bind(**given)
        except TypeError:
            return False
        return True


class Registry:
    """Functions by the name that tool definitions use."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def tool(self, name: str) -> Callable[[F], F]:
        """Register the decorated function; ValueError for a bad name or one that is taken.

        A name is 1 to 64 characters out of `A-Z a-z 0-9 _ -`.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"the name {name!r} is not 1 to 64 characters out of A-Z a-z 0-9 _ -")

        def register(function: F) -> F:
            if name in self._functions:
                raise ValueError(f"two functions are called {name!r}")
            signature = inspect.signature(function)
            positional = inspect.Parameter.POSITIONAL_ONLY
            if any(parameter.kind is positional for parameter in signature.parameters.values()):
                raise ValueError(f"{name!r} has parameters that cannot be given by name")
            found = Function(name, function, signature, inspect.iscoroutinefunction(function))
            self._functions[name] = found
            return function

        return register
