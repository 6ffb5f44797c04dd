from focal_turn_gateway.core.standings import Standings
from focal_turn_gateway.domain.abuse import Standing
from tests.fakes.abuse import Cache, Records

ADA, BOB = Standing("acme", "ada", blocked_s=60), Standing("acme", "bob", restricted_s=60)


class Place:
    """Standings over what is held against two customers."""

    def __init__(self) -> None:
        self.records, self.cache = Records(), Cache()
        self.records.standing_now = [ADA, BOB]
        self.standings = Standings(self.records, self.cache, refresh_s=30, poll_s=1)


async def test_all_is_written_once_in_a_while_and_at_once_after_a_flush() -> None:
    place = Place()
    await place.standings.once()
    assert place.cache.kept == {"ada": ADA, "bob": BOB}
    read = place.records.reads
    await place.standings.once()
    assert place.records.reads == read
    place.cache.flush()
    await place.standings.once()
    assert place.cache.kept == {"ada": ADA, "bob": BOB}


async def test_what_was_read_before_a_change_is_not_written_behind_it() -> None:
    place = Place()

    def lifted() -> None:
        place.records.standing_now = [BOB]
        place.cache.changes += 1

    place.cache.between = [lifted]
    await place.standings.once()
    assert place.cache.kept == {"bob": BOB}


async def test_a_change_is_written_at_once_or_as_soon_as_somebody_answers() -> None:
    place = Place()
    place.cache.written = True
    place.cache.away = True
    await place.standings.changed("acme", "cus_1")
    await place.standings.once()
    assert place.cache.kept == {}
    place.cache.away = False
    await place.standings.once()
    assert place.cache.kept == {"ada": ADA, "bob": BOB}
    place.cache.kept.clear()
    await place.standings.once()
    assert place.cache.kept == {}


async def test_changes_at_the_same_time_give_way_to_each_other() -> None:
    place = Place()
    place.cache.written = True

    def other() -> None:
        place.cache.changes += 1

    place.cache.between = [other, other]
    await place.standings.changed("acme", "cus_1")
    assert place.cache.kept == {"ada": ADA, "bob": BOB}


async def test_a_store_that_is_away_lets_all_be_written_at_the_next_look() -> None:
    place = Place()
    place.records.away = True
    await place.standings.once()
    assert not place.cache.written
    place.records.away = False
    await place.standings.once()
    assert place.cache.kept == {"ada": ADA, "bob": BOB}
