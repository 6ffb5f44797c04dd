"""The receiver of docs/events.md, as it stands there."""

import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path

import httpx

from focal_cli.local import ports
from focal_turn_gateway.domain import webhooks

ROOT = Path(__file__).resolve().parents[3]
SECRET = "s" * 32


async def test_the_receiver_of_the_docs_believes_only_signed_posts_and_takes_each_event_once() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/events.md").read_text(), re.DOTALL)
    [code] = [block for block in blocks if "HTTPServer" in block]
    port = ports.choose()[0]
    receiver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env=os.environ | {"FOCAL_WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        event = json.dumps({"id": "ses_1-5", "name": "tool.done"}).encode()
        challenge = json.dumps({"type": "challenge", "challenge": "echo me"}).encode()
        answers = [
            await _posted(port, event, SECRET),
            await _posted(port, event, SECRET),
            await _posted(port, event, "x" * 32),
            await _posted(port, challenge, SECRET),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 401, 200]
        assert answers[3].text == "echo me"
    finally:
        receiver.terminate()
        output, _ = await receiver.communicate()
    assert output.decode().split() == ["tool.done", "ses_1-5"]


async def _posted(port: int, body: bytes, secret: str) -> httpx.Response:
    headers = {"X-Focal-Signature": webhooks.signature((secret,), int(time.time()), body)}
    async with asyncio.timeout(20), httpx.AsyncClient() as client:
        while True:
            try:
                return await client.post(f"http://127.0.0.1:{port}/", content=body, headers=headers)
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
