"""The values known in one turn: customer data below, session variables above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Known:
    """A working copy; nothing of it is real until the turn is committed."""

    def __init__(self, customer_data: Mapping[str, Any], session: Mapping[str, Any]) -> None:
        self._customer_data = customer_data
        self._session = dict(session)
        self._values = {**customer_data, **session}
        self.set_this_turn: dict[str, Any] = {}
        """What this turn found or fetched, by name."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Everything known, by name; do not keep it, it changes."""
        return self._values

    @property
    def session(self) -> Mapping[str, Any]:
        """The session variables as they stand."""
        return self._session

    def set(self, values: Mapping[str, Any]) -> None:
        """Learn values; later ones win."""
        self.set_this_turn.update(values)
        self._session.update(values)
        self._values.update(values)

    def forget(self, names: Iterable[str]) -> None:
        """Drop values of the session; customer data stays."""
        for name in names:
            self.set_this_turn.pop(name, None)
            self._session.pop(name, None)
            self._values.pop(name, None)
            if name in self._customer_data:
                self._values[name] = self._customer_data[name]
