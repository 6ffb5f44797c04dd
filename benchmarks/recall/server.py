"""The PostgreSQL that is measured."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from focal_cli.local import children, ports, postgres

READY_TIMEOUT_S = 30.0
STOP_GRACE_S = 10.0
SHARED_BUFFERS = "512MB"  # 100,000 facts with indexes take 270 MB; the embedded default is 128 MB


@contextmanager
def database() -> Iterator[str]:
    """URL of FOCAL_POSTGRES_URL's database, or of one in a throw-away server."""
    if url := os.environ.get("FOCAL_POSTGRES_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="focal-recall-") as folder:
        cluster = postgres.prepare(Path(folder) / "postgres")
        port = ports.choose()[0]
        with mock.patch.dict(postgres.SETTINGS, shared_buffers=SHARED_BUFFERS):
            command = cluster.command(port)
        with (Path(folder) / "log").open("wb") as log:
            server = children.start(command, log)
        try:
            _await_ready(cluster, server)
            yield cluster.url(port)
        finally:
            server.stop(command.stop_signal, STOP_GRACE_S)


def _await_ready(cluster: postgres.Cluster, server: children.Child) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not cluster.is_ready(server.pid):
        if server.exit_code() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.05)
