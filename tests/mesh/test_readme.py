"""What the README shows works as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.mesh.conftest import Desk

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.asyncio(loop_scope="session")
async def test_the_client_of_the_readme_holds_a_conversation(desk: Desk) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) <= 20
    (desk.folder / ".venv").symlink_to(ROOT / ".venv")
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=desk.folder, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        printed, _ = await client.communicate()
    assert client.returncode == 0
    assert "10003" in printed.decode()
