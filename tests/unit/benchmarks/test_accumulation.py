import json
from pathlib import Path

import pytest

from benchmarks.accumulation import recording
from benchmarks.accumulation.__main__ import main
from benchmarks.accumulation.recording import BadRecording, Beat, Said
from benchmarks.accumulation.replay import World, replay
from focal_turn_gateway.domain.accumulation import AggregationReason, Fixed, Situation, Window

MADE_UP = Path(__file__).with_name("made_up_beats.jsonl")


def beat(*at: float, author: str = "ana") -> Beat:
    return Beat(author, tuple(Said(conversation="d", author=author, at=second, text="and") for second in at))


def endless(processing_s: float = 8) -> World:
    return World(600, processing_s, None)


class Noting:
    """An `AccumulationPolicy` that waits a second and notes what it was given."""

    def __init__(self) -> None:
        self.given: list[Situation] = []

    def reads_rhythm(self, base_ms: int) -> bool:
        return True

    def window(self, situation: Situation) -> Window:
        self.given.append(situation)
        return Window(1000, AggregationReason.ADAPTIVE)


def test_a_beat_is_one_authors_messages_with_short_gaps_and_nobody_between() -> None:
    beats = recording.beats(recording.read(MADE_UP), 30)
    assert [(one.author, [said.at for said in one.messages]) for one in beats] == [
        ("ana", [0, 1, 4]),
        ("ben", [6]),
        ("ana", [9, 34]),
        ("ana", [100]),
        ("ana", [100.5]),
    ]
    assert list(recording.gaps_s(beats)) == [1, 3, 25]


def test_a_continuation_is_missed_when_it_comes_later_than_the_window() -> None:
    beats = recording.beats(recording.read(MADE_UP), 30)
    figures = replay(Fixed(2000), beats, endless())
    assert (figures.missed, figures.starts, figures.precision) == (2 / 5, 7 / 5, 5 / 7)
    assert (figures.latency_mean_s, figures.latency_p95_s) == (2, 2)
    assert replay(Fixed(3000), beats, endless()).missed == 1 / 5


def test_a_reply_is_double_when_the_beat_goes_on_after_it_was_sent() -> None:
    assert replay(Fixed(2000), [beat(0, 10)], endless()).doubles == 0
    assert replay(Fixed(2000), [beat(0, 10.5)], endless()).doubles == 1
    assert replay(Fixed(2000), [beat(0, 10.5)], endless(processing_s=9)).doubles == 0


def test_the_longest_wait_counts_from_the_first_message_that_waits() -> None:
    world = World(600, 8, 5000)
    assert replay(Fixed(3000), [beat(0, 2, 4)], world).latency_mean_s == 1
    assert replay(Fixed(3000), [beat(0, 2, 4, 6)], world).starts == 2


def test_the_policy_sees_the_window_and_the_gaps_that_the_gateway_would_see() -> None:
    policy = Noting()
    replay(policy, [beat(0, 0.05, 0.8, 5, 20), beat(100), beat(50, author="ben")], endless())
    seen = [(one.position, one.rhythm.gaps_ms) for one in policy.given]
    assert seen == [
        (1, ()),
        (2, ()),  # delivered together
        (3, (750,)),
        (1, (750, 4200)),  # the attempt had started and was superseded
        (1, (750, 4200)),  # the reply was out: no gap
        (1, (750, 4200)),
        (1, ()),
    ]


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"conversation": "d", "author": "a", "at": "soon", "text": "x"}']
)
def test_a_bad_line_is_refused_with_its_place(
    tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(MADE_UP.read_text() + line + "\n")
    with pytest.raises(BadRecording, match=r"bad\.jsonl:9"):
        recording.read(path)
    assert main([str(path)]) == 2
    assert "bad.jsonl:9" in capsys.readouterr().err


def test_a_file_that_is_not_there_or_empty_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert main([str(tmp_path / "none.jsonl")]) == main([str(empty)]) == 2
    assert "no messages" in capsys.readouterr().err


def test_the_command_prints_the_curve_as_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(MADE_UP)]) == 0
    assert "adaptive, whatsapp" in capsys.readouterr().out
    assert main([str(MADE_UP), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["beats"], told["messages"]) == (5, 8)
    by_name = {row["policy"]: row for row in told["policies"]}
    assert by_name["fixed 2 s"]["missed"] == 0.4
    assert by_name["adaptive, whatsapp without shape".removeprefix("adaptive, ")]["starts"] >= 1
