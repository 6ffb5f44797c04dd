"""What can go wrong with the local mesh, each with how to mend it.

LocalError
├── AlreadyRunning   another `focal up` holds the folder
├── NotRunning       no mesh runs on the folder
├── ServerFailed     an embedded server could not be prepared or started
└── StartFailed      a process did not become ready in time
"""


class LocalError(Exception):
    """A local failure; ``mend`` is one sentence on what the reader can do."""

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


class AlreadyRunning(LocalError):
    """The folder belongs to a living mesh."""

    def __init__(self, message: str, mend: str, pid: int) -> None:
        super().__init__(message, mend)
        self.pid = pid


class NotRunning(LocalError):
    """No mesh runs on the folder."""


class ServerFailed(LocalError):
    """An embedded server could not be prepared or started."""


class StartFailed(LocalError):
    """A process did not become ready in time."""
