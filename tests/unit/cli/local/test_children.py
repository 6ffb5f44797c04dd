import signal
import subprocess
import sys
from pathlib import Path

import psutil

from focal_cli.local import children

PARENT = """
import sys, time
from focal_cli.local import children
command = children.Command([sys.executable, "-c", "import time; time.sleep(60)"])
print(children.start(command, sys.stderr.fileno()).pid, flush=True)
time.sleep(60)
"""


def python(code: str, **options: object) -> children.Command:
    return children.Command([sys.executable, "-c", code], **options)  # type: ignore[arg-type]


def test_a_child_dies_with_its_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_child_of_a_parent_that_is_gone_already_does_not_start(tmp_path: Path) -> None:
    witness = tmp_path / "started"
    someone_else = "1"
    arguments = [someone_else, "9", "same", "--", "/bin/touch", str(witness)]
    done = subprocess.run([sys.executable, str(children.LAUNCHER), *arguments], check=False)
    assert done.returncode != 0
    assert not witness.exists()


def test_what_the_child_writes_and_how_it_ends_is_returned() -> None:
    command = python("print(input()); raise SystemExit(3)", stdin=b"said\n")
    assert children.run(command, timeout_s=10) == (3, "said\n")


def test_a_program_that_is_not_there_is_named() -> None:
    code, output = children.run(children.Command(["/no/such/program"]), timeout_s=10)
    assert code != 0
    assert "/no/such/program" in output


async def test_the_end_of_a_child_is_awaited_by_several_at_once(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        child = children.start(python("import time; time.sleep(60)"), output)
    child.send(signal.SIGKILL)
    assert await child.exited() == -signal.SIGKILL
    assert await child.exited() == -signal.SIGKILL


def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    ignoring = python(
        "import signal, time; signal.signal(15, signal.SIG_IGN)\nprint('deaf', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    with log.open("wb") as output:
        child = children.start(ignoring, output)
    while "deaf" not in log.read_text():
        assert child.wait(0.01) is None
    child.stop(signal.SIGTERM, grace_s=0.1)
    assert child.exit_code() == -signal.SIGKILL
