"""`python -m benchmarks.accumulation --help`: the curve of waiting, from recorded conversations."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.accumulation import recording
from benchmarks.accumulation.recording import Beat
from benchmarks.accumulation.replay import Figures, World, replay
from focal_turn_gateway.domain import channel_catalogue
from focal_turn_gateway.domain.accumulation import Fixed
from focal_turn_gateway.domain.adaptive import Adaptive
from focal_turn_gateway.domain.adaptive import Figures as Numbers
from focal_turn_gateway.ports.accumulation import AccumulationPolicy
from focal_turn_gateway.settings.accumulation import Accumulation

WIDTH = 110
FIXED_S = (0.8, 2, 5, 10, 20)
Case = tuple[str, AccumulationPolicy, World]


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads, replays, prints; 2 when a file cannot be read."""
    options = _options(arguments)
    try:
        said = [one for path in options.files for one in recording.read(path)]
    except (recording.BadRecording, OSError) as error:
        print(f"cannot replay: {error}", file=sys.stderr)
        return 2
    beats = recording.beats(said, options.beat_gap_s)
    if not beats:
        print("cannot replay: the files hold no messages", file=sys.stderr)
        return 2
    cases = list(_cases(options))
    progress = Console(stderr=True)
    shown = track(cases, "replaying", console=progress, transient=True, disable=not progress.is_terminal)
    rows: dict[str, Figures] = {}
    for name, policy, world in shown:
        rows[name] = replay(policy, beats, world)
        if isinstance(policy, Adaptive) and name.startswith("adaptive"):
            # What the judgement is worth: a window that waits as long and judges nothing.
            mean_s = rows[name].latency_mean_s
            as_long = Fixed(round(mean_s * 1000))
            rows[f"  fixed {mean_s:.2f} s, as long"] = replay(as_long, beats, _endless(options))
    _print(options, beats, rows)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accumulation", description=__doc__)
    parser.add_argument(
        "files", nargs="+", type=Path, help="JSON lines: conversation, author, at (seconds), text"
    )
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--processing-s", type=float, default=8, help="seconds from a start to its reply")
    parser.add_argument("--beat-gap-s", type=float, default=30, help="longest pause within a beat, seconds")
    parser.add_argument(
        "--channel",
        choices=sorted(one.name for one in channel_catalogue.CATALOGUE),
        default="whatsapp",
        help="whose base the policy's parts are shown on",
    )
    parser.add_argument(
        "--max-wait-ms",
        type=int,
        default=Accumulation().max_wait_ms,
        help="longest wait of the adaptive policies",
    )
    return parser.parse_args(arguments)


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    """Fixed windows know no longest wait, so that their figures depend on the window alone."""
    for seconds in FIXED_S:
        yield f"fixed {seconds:g} s", Fixed(round(seconds * 1000)), _endless(options)
    numbers = Numbers(**Accumulation().adaptive.model_dump())
    for channel in sorted({"web", "whatsapp", options.channel}):
        yield f"adaptive, {channel}", Adaptive(numbers), _world(options, channel)
    flat = {name: 0 for name in Numbers.__slots__ if name.endswith("_ms")} | {"min_ms": numbers.min_ms}
    flat |= {"max_ms": numbers.max_ms}
    parts = {
        "shape": replace(numbers, **flat),
        "cadence": replace(numbers, cadence_share=0.0),
        "decay": replace(numbers, decay=1.0),
        "clamp to 3 s": replace(numbers, max_ms=60_000),
    }
    for part, changed in parts.items():
        yield f"  {options.channel} without {part}", Adaptive(changed), _world(options, options.channel)


def _endless(options: argparse.Namespace) -> World:
    """Where nothing but the window ends the wait."""
    return World(0, options.processing_s, None)


def _world(options: argparse.Namespace, channel: str) -> World:
    base_ms = channel_catalogue.known(channel).policy.window_ms
    return World(base_ms, options.processing_s, options.max_wait_ms)


def _print(options: argparse.Namespace, beats: Sequence[Beat], rows: dict[str, Figures]) -> None:
    messages = sum(len(beat.messages) for beat in beats)
    if options.json:
        policies = [{"policy": name.strip(), **asdict(figures)} for name, figures in rows.items()]
        print(json.dumps({"beats": len(beats), "messages": messages, "policies": policies}, indent=2))
        return
    columns = ("missed/beat", "precision", "mean s", "p95 s", "starts/beat", "doubles/beat")
    table = Table(box=box.MARKDOWN)
    table.add_column("policy", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name, figures in rows.items():
        digits = (3, 3, 2, 2, 3, 3)
        cells = zip(asdict(figures).values(), digits, strict=True)
        table.add_row(name, *(f"{value:.{places}f}" for value, places in cells))
    print(f"{messages} messages in {len(beats)} beats")
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    sys.exit(main())
