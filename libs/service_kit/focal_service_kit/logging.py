"""Structured logs: JSON lines, or a console when people watch, and one canonical line per RPC.

`bind` adds fields to every following line of the current RPC, the canonical line included. Customer
text goes to DEBUG only.
"""

from __future__ import annotations

import logging as stdlib
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

from focal_service_kit import rpc, settings
from focal_service_kit.identity import caller

_fields: ContextVar[dict[str, Any] | None] = ContextVar("focal_log_fields", default=None)

Event = MutableMapping[str, Any]


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `log=name`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(log=name)
    return logger


def bind(**fields: object) -> None:
    """Add fields to all further lines of the current RPC, or of the current task outside of one."""
    bound = _fields.get()
    if bound is None:
        bound = {}
        _fields.set(bound)
    bound.update(fields)


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Add fields to the lines of the enclosed work."""
    token = _fields.set({**(_fields.get() or {}), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def configure(chosen: settings.LoggingSettings, service: str, out: TextIO = sys.stderr) -> None:
    """Send structlog and the standard library's loggers to `out` in the chosen form."""
    console = chosen.format == "console" or (chosen.format == "auto" and out.isatty())
    level = stdlib.getLevelNamesMapping()[chosen.level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    common: list[structlog.typing.Processor] = [
        _Stamp(service),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if console else [structlog.processors.format_exc_info]),
    ]
    structlog.configure(
        processors=[structlog.processors.add_log_level, *common, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _adopt_stdlib(level, common, renderer, out)


@contextmanager
def concealing(conceal: Callable[[str], str]) -> Iterator[None]:
    """Write what `conceal` makes of each line, of this process and its libraries, while the block runs."""

    def concealed(_logger: object, _method: str, line: Any) -> Any:
        return conceal(line) if isinstance(line, str) else line

    structlog.configure(processors=[*structlog.get_config()["processors"], concealed])
    wrapped = [(handler, handler.formatter) for handler in stdlib.getLogger().handlers]
    for handler, formatter in wrapped:
        handler.setFormatter(_Concealing(formatter or stdlib.Formatter(), conceal))
    try:
        yield
    finally:
        left = [each for each in structlog.get_config()["processors"] if each is not concealed]
        structlog.configure(processors=left)
        for handler, formatter in wrapped:
            handler.setFormatter(formatter)


class CanonicalLine:
    """The layer that writes one line per RPC: what was asked, by whom, how it ended, how long."""

    def __init__(self) -> None:
        self._log = get("rpc")

    def enter(self, call: rpc.Rpc) -> None:
        _fields.set(call.fields)

    def leave(self, call: rpc.Rpc) -> None:
        line = {
            "method": call.method,
            "code": call.code.name,
            "duration_ms": round(call.elapsed_s() * 1000, 2),
            **_failure(call),
            **_caller(),
        }
        (self._log.debug if call.open else self._log.info)("rpc", **line)


class _Concealing(stdlib.Formatter):
    """Another formatter's lines, concealed."""

    def __init__(self, inner: stdlib.Formatter, conceal: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._conceal = conceal

    def format(self, record: stdlib.LogRecord) -> str:
        return self._conceal(self._inner.format(record))


class _Stamp:
    """Puts the service's name and the bound fields into each line, without overwriting its own."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        event["service"] = self._service
        for key, value in (_fields.get() or {}).items():
            event.setdefault(key, value)
        return event


def _failure(call: rpc.Rpc) -> Mapping[str, str]:
    found = {"reason": call.reason, "error_id": call.error_id}
    return {key: value for key, value in found.items() if value}


def _caller() -> Mapping[str, object]:
    known = caller.incoming()
    if known is None:
        return {}
    who = known.caller
    named = {
        "tenant": who.tenant_id,
        "session": who.session_id,
        "turn": who.turn_id,
        "epoch": who.epoch,
    }
    return {
        "caller": f"{who.kind.value}:{who.subject}",
        **{key: value for key, value in named.items() if value},
    }


def _adopt_stdlib(
    level: int,
    common: list[structlog.typing.Processor],
    renderer: structlog.typing.Processor,
    out: TextIO,
) -> None:
    """Libraries log through the standard library; give their lines the same form."""
    handler = stdlib.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                *common,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = stdlib.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, stdlib.WARNING))
