"""Runs the warehouse: `python examples/warehouse --toolbox 127.0.0.1:7403`."""

import argparse
import asyncio
import sys
from pathlib import Path

import grpc.aio
import uvicorn

if not __package__:  # started as a folder: its parent is not on the path yet
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from warehouse.packing import Packing
from warehouse.reports import Reports


def main() -> None:
    """Reads the options and serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="warehouse", description="packs parcels, and takes its time")
    parser.add_argument("--port", type=int, default=7481, help="default 7481")
    parser.add_argument("--toolbox", required=True, help="host:port of the toolbox that takes reports")
    parser.add_argument("--packs-in-s", type=float, default=20, help="seconds one parcel takes, default 20")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.toolbox, options.packs_in_s))


async def serve(port: int, toolbox: str, packs_in_s: float) -> None:
    """Serve; parcels that are being packed when it stops are forgotten, and in doubt for Focal."""
    async with grpc.aio.insecure_channel(toolbox) as channel:
        packing = Packing(Reports(channel), packs_in_s)
        config = uvicorn.Config(packing.app(), host="127.0.0.1", port=port, log_level="warning")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    main()
