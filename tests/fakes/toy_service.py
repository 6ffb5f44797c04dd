"""A whole service in one file, started as a process by test_service_kit_process.

`TOY_FAILS=background` makes its background task raise, `TOY_FAILS=build` its composition root.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from pydantic import Field, SecretStr

from focal_service_kit import service, settings
from focal_service_kit.host import Host
from tests.fakes import echo


class Model(settings.Section):
    """A section that only this service has."""

    base_url: str = Field("", description="URL of the model")
    api_key: SecretStr = Field(SecretStr(""), description="secret")
    headers: dict[str, str] = Field(default_factory=dict, description="further headers")


class ToySettings(settings.ServiceSettings):
    """Settings of the toy."""

    llm: Model = Model()


async def build(chosen: ToySettings, host: Host) -> None:
    """Register the echo and, on request, a task that fails."""

    async def unary(request: Any, context: Any) -> Any:
        return request

    async def fail() -> None:
        await asyncio.sleep(0)
        raise RuntimeError("background failure")

    echo.add(host, unary=unary)
    match os.environ.get("TOY_FAILS"):
        case "background":
            host.background("doomed", fail)
        case "build":
            raise RuntimeError("build failure")


if __name__ == "__main__":
    service.main(service.Definition("toy", ToySettings, build))
