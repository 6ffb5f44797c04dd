"""As whom PostgreSQL runs: it refuses to run as root, and as a user without a name.

A normal user runs it as themselves. Root, and a user id that the machine has no name for (as in
containers), run it in a user namespace where they bear the id of a user that has one, so files stay
theirs and no system user is needed. Where namespaces are forbidden, root hands the data folder to
``nobody``. Parent folders are never opened up: the server keeps root's right to pass through them.
"""

import os
import pwd
from pathlib import Path

from focal_cli.local import children, errors

PROBE_TIMEOUT_S = 10.0
SAME = "same"
NOBODY = "nobody"
MEND = "Run focal as a normal user, or set FOCAL_POSTGRES_URL to a server of yours."


def for_postgres(folder: Path, *programs: Path) -> str:
    """The ``user`` of ``launch`` for a server in ``folder`` that runs these programs.

    Raises ServerFailed when no user would do.
    """
    if has_name(os.geteuid()) and os.geteuid() != 0:
        return SAME
    if namespaces_work():
        return namespace()
    if os.geteuid() != 0:
        raise errors.ServerFailed(
            f"PostgreSQL cannot run as user id {os.geteuid()}, which this machine has no name for", MEND
        )
    return _nobody(folder, *programs)


def namespace() -> str:
    """The ``user`` of ``launch`` that makes us a named user; raises ServerFailed when there is none."""
    named = [user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0]
    if not named:
        raise errors.ServerFailed("PostgreSQL may not run as root, and the machine has no other user", MEND)
    return f"namespace:{min(named)}"


def namespaces_work() -> bool:
    """Whether this process may create a user namespace."""
    return _succeeds("namespace:1", "/bin/true")


def has_name(uid: int) -> bool:
    """Whether the machine knows a user with this id."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def hand_over(folder: Path, user: str) -> None:
    """Give an empty folder to the user that PostgreSQL runs as."""
    uid, _, gid = user.partition(":")
    if uid.isdecimal():
        os.chown(folder, int(uid), int(gid))


def _nobody(folder: Path, *programs: Path) -> str:
    try:
        nobody = pwd.getpwnam(NOBODY)
    except KeyError:
        raise errors.ServerFailed(
            f"PostgreSQL may not run as root, and the machine has no user {NOBODY}", MEND
        ) from None
    user = f"{nobody.pw_uid}:{nobody.pw_gid}"
    for path in (folder, *programs):
        if not _succeeds(user, "/bin/ls", "-d", str(path)):
            raise errors.ServerFailed(
                f"PostgreSQL may not run as root, and the user {NOBODY} cannot reach {path}", MEND
            )
    return user


def _succeeds(user: str, *argv: str) -> bool:
    code, _ = children.run(children.Command(argv, user=user), PROBE_TIMEOUT_S)
    return code == 0
