"""What formatting one reply costs: CPU ms by length, kind of text and channel, the best of a few rounds.

Run `.venv/bin/python -m benchmarks.formatting [rounds]`. `read` is the part that the Markdown parser takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

from focal_turn_gateway.domain import channel_catalogue, markdown
from focal_turn_gateway.domain.reply_parts import FormatReply
from focal_turn_gateway.domain.turns import ReplySegment

ROUNDS = 3
LENGTHS = (1000, 3000, 10_000)
CHANNELS = ("whatsapp", "telegram", "sms", "voice", "email")
TEXTS = {
    "prose": "Your order **10003** left our warehouse on Monday, and *should* arrive by Thursday."
    " See [tracking](https://example.com/track/10003) for more.\n\n",
    "bold": "**bold** ",
    "code": "`x` ",
    "list": "- item **x** and *y*\n",
    "chinese": "您的订单已经发货。",
    "brackets": "[",
}


def best_ms(rounds: int, work: Callable[[], object]) -> float:
    """CPU ms of the quickest round."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append((time.process_time() - began) * 1000)
    return min(found)


def main() -> None:
    """Print a row for each kind of text and length."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    formatting = FormatReply(markdown.reader())
    channels = [channel_catalogue.known(name) for name in CHANNELS]
    print(f"{'text':<9}{'chars':>6}{'read':>10}", *(f"{name:>10}" for name in CHANNELS), sep="")
    for name, text in TEXTS.items():
        for length in LENGTHS:
            source = (text * (length // len(text) + 1))[:length]
            reply = [ReplySegment(0, source)]
            row = [best_ms(rounds, partial(formatting.parser.parse, source))]
            row += [best_ms(rounds, partial(formatting, reply, each, each.policy)) for each in channels]
            print(f"{name:<9}{length:>6}", *(f"{ms:>10.1f}" for ms in row), sep="")


if __name__ == "__main__":
    main()
