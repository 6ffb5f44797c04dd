from focal_turn_gateway.transport.streams import Streams


async def test_draining_ends_every_open_stream_and_those_that_open_later() -> None:
    streams, ended = Streams(3), list[str]()
    with streams.open(lambda: ended.append("first")):
        with streams.open(lambda: ended.append("gone")):
            pass
        await streams.drain()
        assert ended == ["first"]
    with streams.open(lambda: ended.append("late")):
        assert ended == ["first", "late"]
    assert streams.draining


async def test_go_away_says_how_long_and_where_to_go_on() -> None:
    frame = Streams(1.5).go_away(7)
    assert (frame.resume_offset, frame.time_left.ToMilliseconds()) == (7, 1500)
