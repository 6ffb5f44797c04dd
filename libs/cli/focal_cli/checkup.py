"""What a machine needs to run the mesh, checked one by one; each finding says how to mend it."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from focal_cli.local import children, errors, ports, postgres, privilege, topology, valkey
from focal_cli.local.home import Home

PYTHON = (3, 11)
ENOUGH_DISK_BYTES = 500_000_000
VERSION_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``mend`` is empty when it is well."""

    name: str
    well: bool
    detail: str
    mend: str = ""


def examine(root: Path) -> Iterator[Finding]:
    """Look at everything, the cheapest first; never raises for what it finds."""
    yield _python()
    yield _kernel()
    yield _postgres()
    yield _valkey()
    yield _user(root)
    yield _folder(root)
    yield _disk(root)
    yield _ports()
    yield _services()
    yield _mesh(root)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    wanted = ".".join(str(part) for part in PYTHON)
    well = sys.version_info[:2] >= PYTHON
    return Finding("Python", well, version, "" if well else f"Install Python {wanted} or newer.")


def _kernel() -> Finding:
    well = hasattr(os, "pidfd_open")
    mend = "Run the mesh on Linux 5.3 or newer, in a virtual machine if need be."
    return Finding("Operating system", well, os.uname().sysname, "" if well else mend)


def _postgres() -> Finding:
    return _server("PostgreSQL", "FOCAL_POSTGRES_URL", lambda: postgres.binary("postgres"))


def _valkey() -> Finding:
    return _server("Valkey", "FOCAL_REDIS_URL", valkey.binary)


def _server(name: str, variable: str, binary: Callable[[], Path]) -> Finding:
    if variable in os.environ:
        return Finding(name, True, f"yours, by {variable}")
    try:
        command = children.Command([str(binary()), "--version"], user="same")
        code, output = children.run(command, VERSION_TIMEOUT_S)
    except errors.ServerFailed as error:
        return Finding(name, False, error.message, error.mend)
    mend = f"Its program does not run here; set {variable} to a server of yours."
    return Finding(name, code == 0, " ".join(output.split()[:4]), "" if code == 0 else mend)


def _user(root: Path) -> Finding:
    if "FOCAL_POSTGRES_URL" in os.environ:
        return Finding("User", True, "any, with a PostgreSQL of yours")
    try:
        user = privilege.for_postgres(_nearest(root), postgres.binary("postgres"))
    except errors.ServerFailed as error:
        return Finding("User", False, error.message, error.mend)
    who = "root" if os.geteuid() == 0 else "a normal user"
    if user == privilege.SAME:
        return Finding("User", True, who)
    how = "in a user namespace" if user.startswith("namespace") else f"as {privilege.NOBODY}"
    return Finding("User", True, f"{who}; PostgreSQL runs {how}")


def _folder(root: Path) -> Finding:
    nearest = _nearest(root)
    well = os.access(nearest, os.W_OK | os.X_OK)
    mend = "" if well else "Choose another folder with --home."
    return Finding("Folder", well, f"{root.absolute()}", mend)


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(_nearest(root)).free
    well = free > ENOUGH_DISK_BYTES
    mend = "" if well else f"Free {ENOUGH_DISK_BYTES // 1_000_000} MB, or choose another disk with --home."
    return Finding("Disk", well, f"{free // 1_000_000} MB free", mend)


def _ports() -> Finding:
    try:
        ports.choose(2 * len(topology.SERVICES))
    except OSError as error:
        return Finding("Ports", False, str(error), "Stop what listens on so many loopback ports.")
    return Finding("Ports", True, "free ones on loopback")


def _services() -> Finding:
    missing = [name for name in topology.SERVICES if importlib.util.find_spec(f"focal_{name}") is None]
    mend = "Install the workspace again with `make`." if missing else ""
    return Finding("Services", not missing, ", ".join(missing or topology.SERVICES), mend)


def _mesh(root: Path) -> Finding:
    try:
        record = Home(root).running()
    except errors.NotRunning as error:
        return Finding("Mesh", True, error.message)
    return Finding("Mesh", True, f"runs with pid {record.pid}, gateway {record.targets['turn_gateway']}")


def _nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
