"""The promises of ARCHITECTURE §3 as rules over the evidence. Pure; each rule names what broke.

Promise 6, recovery times, is measured by the tests themselves.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TypeVar

from tests.chaos.harness.evidence import Delivered, Effect, Event, Evidence, Turn

REFUND = "refund_order"
SAYS_PAID = re.compile(r"have refunded|habe .* erstattet")
SAYS_REJECTED = re.compile(r"did not go through|nothing has changed|cannot refund", re.IGNORECASE)
_RUNNING = frozenset({"ACCUMULATING", "PROCESSING"})
_ENDED = frozenset({"turn_completed", "turn_failed"})

Key = TypeVar("Key", bound=Hashable)
Rule = Callable[[Evidence], Iterator[str]]


@dataclass(frozen=True)
class Violation:
    """A broken promise, by its number."""

    promise: int
    text: str

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.text}"


def violations(evidence: Evidence) -> list[Violation]:
    """Everything that does not hold; empty when all promises were kept."""
    return [Violation(promise, text) for promise, rule in _RULES for text in rule(evidence)]


def _each_saying_is_stored_once(evidence: Evidence) -> Iterator[str]:
    for saying in evidence.said:
        ids = {each.message_id for each in saying.acknowledged}
        if len(ids) > 1:
            yield f"request {saying.request_id} was acknowledged as {len(ids)} messages: {sorted(ids)}"
    known = {message.message_id for message in evidence.messages}
    acknowledged = {each.message_id for saying in evidence.said for each in saying.acknowledged}
    if lost := acknowledged - known:
        yield f"acknowledged, but not stored: {sorted(lost)}"
    if len(evidence.messages) > len(evidence.said):
        yield f"{len(evidence.said)} sayings became {len(evidence.messages)} messages"


def _each_message_is_in_one_committed_turn(evidence: Evidence) -> Iterator[str]:
    answered = Counter(message_id for turn in evidence.committed for message_id in turn.message_ids)
    records = {turn.turn_id: turn.message_ids for turn in evidence.committed}
    for message in evidence.messages:
        if answered[message.message_id] != 1:
            yield f"{message.message_id} is in {answered[message.message_id]} committed turns"
        if message.turn_id and message.message_id not in records.get(message.turn_id, ()):
            yield f"{message.message_id} names {message.turn_id}, whose record lacks it"


def _each_turn_is_committed_once(evidence: Evidence) -> Iterator[str]:
    ended = Counter(event.turn_id for event in evidence.events if event.kind in _ENDED)
    for turn in evidence.committed:
        if ended[turn.turn_id] != 1:
            yield f"{turn.turn_id} was committed {ended[turn.turn_id]} times"


def _turns_answer_in_session_order(evidence: Evidence) -> Iterator[str]:
    for session in evidence.sessions:
        of = session.session_id
        arrived = [m for m in evidence.messages if m.session_id == of]
        if [m.sequence for m in arrived] != list(range(1, session.message_sequence + 1)):
            yield f"{of}: sequences {[m.sequence for m in arrived]} are not 1 to {session.message_sequence}"
        answered = [m for turn in evidence.committed if turn.session_id == of for m in turn.message_ids]
        expected = [m.message_id for m in arrived if m.turn_id]
        if answered != expected:
            yield f"{of}: answered in the order {answered} instead of {expected}"


def _epochs_and_indexes_only_grow(evidence: Evidence) -> Iterator[str]:
    for session in evidence.sessions:
        of = session.session_id
        turns = [turn for turn in evidence.committed if turn.session_id == of]
        if [turn.turn_index for turn in turns] != list(range(1, session.turn_count + 1)):
            yield f"{of}: turn indexes {[t.turn_index for t in turns]} are not 1 to {session.turn_count}"
        if any(former.epoch >= latter.epoch for former, latter in pairwise(turns)):
            yield f"{of}: epochs of committed turns do not grow: {[turn.epoch for turn in turns]}"
        if turns and turns[-1].epoch > session.epoch:
            yield f"{of}: a turn's epoch {turns[-1].epoch} is ahead of the session's {session.epoch}"
        events = [event for event in evidence.events if event.session_id == of]
        if [event.offset for event in events] != list(range(1, session.event_offset + 1)):
            yield f"{of}: event offsets are not 1 to {session.event_offset}"


def _only_the_latest_attempt_commits(evidence: Evidence) -> Iterator[str]:
    for turn in evidence.committed:
        if turn.record and turn.record["attempt"] != turn.attempt:
            yield (
                f"{turn.turn_id}: attempt {turn.record['attempt']} committed"
                f" although attempt {turn.attempt} had begun"
            )
    for events in _by(evidence.events, lambda event: event.session_id).values():
        yield from _started_before_ended(events)


def _started_before_ended(events: Sequence[Event]) -> Iterator[str]:
    latest: Event | None = None
    for event in events:
        if event.kind == "turn_started":
            if latest and (event.epoch or 0) <= (latest.epoch or 0):
                yield f"{event.session_id}: epoch {event.epoch} began after epoch {latest.epoch}"
            latest = event
        elif event.kind in _ENDED and (
            latest is None or (latest.turn_id, latest.attempt) != (event.turn_id, event.attempt)
        ):
            yield f"{event.turn_id}: attempt {event.attempt} ended although a newer one had begun"


def _no_stale_attempt_reserves(evidence: Evidence) -> Iterator[str]:
    fences: dict[str, int] = defaultdict(int)
    for act in evidence.acts:
        if act.act == "reserved" and act.epoch < fences[act.session_id]:
            yield (
                f"{act.session_id}: epoch {act.epoch} reserved an effect"
                f" behind the fence of epoch {fences[act.session_id]}"
            )
        fences[act.session_id] = max(fences[act.session_id], act.epoch)


def _effects_are_unique(evidence: Evidence) -> Iterator[str]:
    for key, count in _repeated(effect.effect_key for effect in evidence.effects):
        yield f"effect key {key} has {count} effects"
    doubtful = (e for e in evidence.effects if e.tool_name == REFUND and e.state == "IN_DOUBT")
    for key, count in _repeated(effect.business_key for effect in doubtful):
        yield f"business key {key} has {count} effects in doubt"


def _refunds_are_paid_as_the_ledger_says(evidence: Evidence) -> Iterator[str]:
    for key, count in _repeated(refund.key for refund in evidence.refunds):
        yield f"the shop was asked {count} times to refund with key {key}"
    for order, count in _repeated(refund.order for refund in evidence.refunds):
        yield f"order {order} was refunded {count} times"
    paid = Counter(refund.key for refund in evidence.refunds)
    effects = [effect for effect in evidence.effects if effect.tool_name == REFUND]
    allowed = {"DONE": {1}, "FAILED": {0}, "IN_DOUBT": {0, 1}}
    for effect in effects:
        if paid[effect.effect_key] not in allowed.get(effect.state, set()):
            yield f"{effect.effect_id} is {effect.state}, and was paid {paid[effect.effect_key]} times"
    if unknown := paid.keys() - {effect.effect_key for effect in effects}:
        yield f"refunds that no ledger knows: {sorted(unknown)}"


def _replies_say_what_happened(evidence: Evidence) -> Iterator[str]:
    effects = [effect for effect in evidence.effects if effect.tool_name == REFUND]
    for turn in evidence.committed:
        mine = [effect for effect in effects if effect.session_id == turn.session_id]
        if SAYS_PAID.search(turn.reply_text) and not any(effect.state == "DONE" for effect in mine):
            yield f"{turn.turn_id} says that money was paid, the ledger says {[e.state for e in mine]}"
        if SAYS_REJECTED.search(turn.reply_text) and (told := _unsettled(turn, mine)):
            yield f"{turn.turn_id} says that nothing happened, the ledger says {[e.state for e in told]}"


def _unsettled(turn: Turn, effects: Iterable[Effect]) -> list[Effect]:
    """Effects of the turn's group that did happen, or may have."""
    return [e for e in effects if e.turn_group_id == turn.turn_group_id and e.state != "FAILED"]


def _replies_are_delivered_once(evidence: Evidence) -> Iterator[str]:
    keys = ((d.turn_id, d.segment, d.part) for d in evidence.delivered)
    for (turn_id, segment, part), count in _repeated(keys):
        yield f"part {part} of segment {segment} of {turn_id} was delivered {count} times"
    for session in evidence.sessions:
        of = session.session_id
        owed = [
            (turn.turn_id, segment["index"], _spaceless(segment["text"]))
            for turn in evidence.committed
            if turn.session_id == of and turn.record
            for segment in turn.record["reply"]
        ]
        came = _segments(dict.fromkeys(d for d in evidence.delivered if d.session_id == of))
        if came != owed:
            yield f"{of}: delivered {[each[:2] for each in came]}, owed {[each[:2] for each in owed]}"


def _segments(parts: Iterable[Delivered]) -> list[tuple[str, int, str]]:
    """What was delivered with the parts of each segment, which must come in a row, put together again."""
    runs = groupby(parts, key=lambda part: (part.turn_id, part.segment))
    return [
        (turn_id, segment, _spaceless("".join(part.text for part in run))) for (turn_id, segment), run in runs
    ]


def _spaceless(text: str) -> str:
    """Blank space at the seams of parts is not delivered."""
    return "".join(text.split())


def _nothing_is_left_to_do(evidence: Evidence) -> Iterator[str]:
    yield from (f"{m.message_id} is unanswered" for m in evidence.messages if m.turn_id is None)
    yield from (f"{e.effect_id} is still PREPARED" for e in evidence.effects if e.state == "PREPARED")
    yield from (f"{t.turn_id} is still {t.status}" for t in evidence.turns if t.status in _RUNNING)
    for row in evidence.outbox:
        if row.state != "DELIVERED":
            yield f"outbox row {row.dedupe_key} for {row.destination} is {row.state}"


_RULES: Sequence[tuple[int, Rule]] = (
    (1, _each_saying_is_stored_once),
    (1, _each_message_is_in_one_committed_turn),
    (1, _each_turn_is_committed_once),
    (1, _turns_answer_in_session_order),
    (1, _nothing_is_left_to_do),
    (2, _epochs_and_indexes_only_grow),
    (2, _only_the_latest_attempt_commits),
    (2, _no_stale_attempt_reserves),
    (4, _effects_are_unique),
    (4, _refunds_are_paid_as_the_ledger_says),
    (4, _replies_say_what_happened),
    (5, _replies_are_delivered_once),
)


def _repeated(keys: Iterable[Key]) -> list[tuple[Key, int]]:
    return [(key, count) for key, count in Counter(keys).items() if count > 1]


def _by(events: Iterable[Event], key: Callable[[Event], str]) -> dict[str, list[Event]]:
    groups: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        groups[key(event)].append(event)
    return groups
