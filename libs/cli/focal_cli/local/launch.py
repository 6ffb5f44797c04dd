"""Become another program that dies with its parent.

Run by path with a bare interpreter (``python -I -S launch.py …``), so only the standard library is
at hand. A ``preexec_fn`` would do the same inside the parent, but forking Python code in a process
that runs threads (grpc's) may deadlock; an ``exec`` chain cannot.

    launch.py PARENT_PID DEATH_SIGNAL USER -- PROGRAM ARGUMENTS…

USER is ``same``, ``namespace:UID`` (a user namespace where we bear that id) or ``UID:GID`` (root becomes
that user, and keeps the right to reach folders that are closed to others, as in the namespace).
"""

import contextlib
import ctypes
import os
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CLONE_NEWUSER = 0x10000000
CANNOT_LAUNCH = 126

libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> None:
    """Change the user, bind this process to its parent, and exec the program."""
    separator = arguments.index("--")
    parent_pid, death_signal, user = arguments[:separator]
    program = arguments[separator + 1 :]
    try:
        become(user)
        # After the change of user: the kernel forgets the death signal when credentials change.
        die_with_parent(int(parent_pid), int(death_signal))
        os.execv(program[0], program)  # noqa: S606 no shell is the point
    except OSError as error:
        print(f"launch: cannot start {program[0]}: {error}", file=sys.stderr)
        sys.exit(CANNOT_LAUNCH)


def become(user: str) -> None:
    """Change the user of this process; raises OSError where that is forbidden."""
    if user == "same":
        return
    first, second = user.split(":")
    if first == "namespace":
        enter_user_namespace(int(second))
        return
    os.setgroups([])
    os.setgid(int(second))
    check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setuid(int(first))
    with contextlib.suppress(OSError):  # a root that has not got it itself: the folder must be open then
        keep_reaching_folders()


def keep_reaching_folders() -> None:
    """Reduce the capabilities kept to CAP_DAC_OVERRIDE, and hand that one on to the program."""
    kept = 1 << CAP_DAC_OVERRIDE
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    check(libc.capset(header, struct.pack("6I", kept, kept, kept, 0, 0, 0)))
    check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))


def enter_user_namespace(inside: int) -> None:
    """Enter a user namespace in which the caller's uid and gid appear as ``inside``."""
    uid, gid = os.geteuid(), os.getegid()
    check(libc.unshare(CLONE_NEWUSER))
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{inside} {uid} 1")
    write("/proc/self/gid_map", f"{inside} {gid} 1")


def die_with_parent(parent_pid: int, death_signal: int) -> None:
    """Ask the kernel for the death signal; leave at once if the parent is gone already."""
    check(libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent_pid:
        sys.exit(CANNOT_LAUNCH)


def check(result: int) -> None:
    """Turn a libc failure into OSError."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def write(path: str, text: str) -> None:
    """Write a small kernel file, which takes one write only."""
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 pathlib costs half a start
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
