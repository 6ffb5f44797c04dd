"""What can be wrong in an agent's sources."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is: errors refuse a publication, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong, and where. `line` and `column` count from 1; 0 is the file as a whole."""

    path: str
    line: int
    column: int
    reason: str
    message: str
    severity: Severity = Severity.ERROR

    @property
    def refuses(self) -> bool:
        """Whether it keeps the sources from being published."""
        return self.severity is Severity.ERROR
