"""As whom PostgreSQL runs: it refuses to run as root.

A normal user runs it as themselves. Root runs it in a user namespace where root is called 1000, so
files stay root's and no system user is needed. Where namespaces are forbidden, root hands the data
folder to ``nobody``; parent folders are never opened up, so ``nobody`` must be able to reach it.
"""

import os
import pwd
from pathlib import Path

from focal_cli.local import children, errors

PROBE_TIMEOUT_S = 10.0


def for_postgres(folder: Path, *programs: Path) -> str:
    """The ``user`` of ``launch`` for a server in ``folder`` that runs these programs."""
    if os.geteuid() != 0:
        return "same"
    if namespaces_work():
        return "namespace"
    nobody = pwd.getpwnam("nobody")
    user = f"{nobody.pw_uid}:{nobody.pw_gid}"
    for path in (folder, *programs):
        if not _reaches(user, path):
            raise errors.ServerFailed(
                f"PostgreSQL may not run as root, and the user nobody cannot reach {path}",
                "Run focal as a normal user, or set FOCAL_POSTGRES_URL to a server of yours.",
            )
    return user


def namespaces_work() -> bool:
    """Whether this process may create a user namespace."""
    return _succeeds("namespace", "/bin/true")


def hand_over(folder: Path, user: str) -> None:
    """Give an empty folder to the user that PostgreSQL runs as."""
    if ":" in user:
        uid, gid = (int(part) for part in user.split(":"))
        os.chown(folder, uid, gid)


def _reaches(user: str, path: Path) -> bool:
    return _succeeds(user, "/bin/ls", "-d", str(path))


def _succeeds(user: str, *argv: str) -> bool:
    code, _ = children.run(children.Command(argv, user=user), PROBE_TIMEOUT_S)
    return code == 0
