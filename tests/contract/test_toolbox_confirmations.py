"""One conformance suite for confirmations in PostgreSQL and their in-memory twin, with the ledger that uses
them up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from focal_toolbox import errors
from focal_toolbox.adapters.instance import Heartbeat, Rhythm
from focal_toolbox.adapters.postgres_confirmations import PostgresConfirmations
from focal_toolbox.adapters.postgres_ledger import PostgresLedger
from focal_toolbox.domain.confirmation import (
    Approver,
    Claim,
    Confirmation,
    Filter,
    Question,
    Reply,
    Standing,
)
from focal_toolbox.domain.effect import Outcome, State, Wish
from focal_toolbox.domain.policy import Policy
from focal_toolbox.ports.confirmations import Confirmations
from focal_toolbox.ports.ledger import EffectLedger
from tests.fakes.toolbox.ledger import LedgerRows, MemoryLedger
from tests.fakes.toolbox.provider import LOST, REFUSED
from tests.fakes.toolbox.wishes import to_refund
from tests.fakes.until import until

pytestmark = pytest.mark.migrated("focal_toolbox")

CUSTOMER = Question(Approver.CUSTOMER, "Sure?", 600)
OPERATOR = Question(Approver.OPERATOR, "Allowed?", 600)
CLAIM = Claim("acme", "ses_1", "grp_1", "peek", '{"a":1}', "call_1")


@dataclass
class Stores:
    """A ledger and the confirmations it uses up; `other` is the ledger of a second process."""

    ledger: EffectLedger
    other: EffectLedger
    confirmations: Confirmations

    async def reserve(self, **changes: Any) -> Any:
        return await self.ledger.reserve(wish(**changes))

    async def answer(self, asked: Confirmation | None, *, yes: bool = True, **changes: Any) -> Confirmation:
        assert asked is not None
        reply = Reply("acme", "ses_1", asked.confirmation_id, yes, asked.approver, "ada")
        return await self.confirmations.answer(replace(reply, **changes))

    async def yes(self, *questions: Question, **changes: Any) -> None:
        """Ask and agree, so that one wish may pass."""
        for question in questions or (CUSTOMER,):
            await self.answer((await self.reserve(questions=(question,), **changes)).missing)


def wish(number: int = 1, **changes: Any) -> Wish:
    return replace(to_refund(number), **{"questions": (CUSTOMER,), **changes})


@pytest.fixture(params=["memory", "postgres"])
async def stores(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Stores]:
    if request.param == "memory":
        rows = LedgerRows()
        yield Stores(MemoryLedger(rows, "tbx_1"), MemoryLedger(rows, "tbx_2"), rows.confirmations)
        return
    beats = [Heartbeat(database, Rhythm(0.1, 1.0), {}) for _ in range(2)]
    async with asyncpg.create_pool(database, min_size=2, max_size=8) as pool:
        for beat in beats:
            await beat.start(10)
        ledgers = [PostgresLedger(pool, beat.instance_id, 9) for beat in beats]
        yield Stores(ledgers[0], ledgers[1], PostgresConfirmations(pool))
        for beat in beats:
            await beat.stop()


async def test_a_wish_without_its_yes_leaves_a_question_and_no_effect(stores: Stores) -> None:
    """Break: leave the FC001 exception out of `reserve_confirmed`."""
    first, second = await stores.reserve(), await stores.reserve()
    assert first.outcome is second.outcome is Outcome.UNCONFIRMED
    assert first.effect is None
    assert first.missing == second.missing
    assert (first.missing.state, first.missing.prompt) == (Standing.ASKED, "Sure?")
    assert (first.missing.expires_at - first.missing.asked_at).total_seconds() == pytest.approx(600, abs=1)
    assert await stores.ledger.of_group("acme", "ses_1", "grp_1") == []


async def test_a_yes_is_used_up_with_the_reservation_and_names_it(stores: Stores) -> None:
    await stores.yes()
    assert (await stores.reserve()).outcome is Outcome.RESERVED
    (used,) = await stores.confirmations.page(Filter("acme"))
    assert (used.state, used.used_by, used.answered_by) == (Standing.USED, "key_1", "ada")


async def test_the_call_that_used_a_yes_passes_again_and_no_other(stores: Stores) -> None:
    """Break: leave `used_by` out of `take_confirmations`."""
    await stores.yes()
    reserved = (await stores.reserve()).effect
    await stores.ledger.conclude(reserved, State.FAILED, REFUSED, 0)
    again = await stores.reserve(reservation_id="rsv_2")
    assert (again.outcome, again.effect.attempts) == (Outcome.RESERVED, 2)
    await stores.ledger.conclude(again.effect, State.FAILED, REFUSED, 0)
    another = await stores.reserve(effect_id="eff_2", effect_key="key_2", turn_group_id="grp_2")
    assert another.outcome is Outcome.UNCONFIRMED


@pytest.mark.parametrize(
    "changes",
    [
        {"arguments_json": '{"amount":2}'},
        {"session_id": "ses_2"},
        {"tenant_id": "globex"},
        {"tool_name": "reward"},
    ],
)
async def test_a_yes_is_bound_to_tool_arguments_session_and_tenant(
    stores: Stores, changes: dict[str, str]
) -> None:
    """Break: leave any one of them out of the WHERE of `take_confirmations`."""
    await stores.yes()
    assert (await stores.reserve(effect_key="key_9", **changes)).outcome is Outcome.UNCONFIRMED
    assert (await stores.reserve()).outcome is Outcome.RESERVED


async def test_thirty_two_wishes_for_one_yes_get_it_once(stores: Stores) -> None:
    """The session's fence row keeps reservations apart."""
    await stores.yes()
    ledgers = [stores.ledger, stores.other] * 16
    wishes = [wish(effect_id=f"eff_{n}", effect_key=f"key_{n}", business_key=f"order_{n}") for n in range(32)]
    found = await asyncio.gather(*(ledger.reserve(one) for ledger, one in zip(ledgers, wishes, strict=True)))
    assert sorted(one.outcome for one in found) == [Outcome.RESERVED] + 31 * [Outcome.UNCONFIRMED]


async def test_thirty_two_reads_for_one_yes_get_it_once(stores: Stores) -> None:
    await stores.answer(await stores.confirmations.use(CLAIM, [CUSTOMER]))
    claims = [replace(CLAIM, used_by=f"call_{n}") for n in range(32)]
    found = await asyncio.gather(*(stores.confirmations.use(one, [CUSTOMER]) for one in claims))
    assert found.count(None) == 1
    winner = claims[found.index(None)]
    assert await stores.confirmations.use(winner, [CUSTOMER]) is None, "the same call passes again"


async def test_two_calls_that_do_not_see_each_other_yet_use_a_yes_once(database: str) -> None:
    """Break: leave FOR UPDATE out of `take_confirmations`."""
    async with asyncpg.create_pool(database, min_size=2, max_size=3) as pool:
        confirmations = PostgresConfirmations(pool)
        stores = Stores(MemoryLedger(), MemoryLedger(), confirmations)
        await stores.answer(await confirmations.use(CLAIM, [CUSTOMER]))
        ahead = await asyncpg.connect(database)
        await ahead.execute("BEGIN")
        taken = "SELECT effects.take_confirmations('acme', 'ses_1', 'peek', $1, '{CUSTOMER}', 'call_1')"
        assert await ahead.fetchval(taken, CLAIM.arguments_hash) is None
        racing = asyncio.create_task(confirmations.use(replace(CLAIM, used_by="call_2"), [CUSTOMER]))

        async def held_up() -> bool:
            return racing.done() or await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")

        await until(held_up, "the second call waits for the first one")
        await ahead.execute("COMMIT")
        await ahead.close()
        assert await racing is not None


async def test_equal_reads_that_race_for_their_yes_both_pass(stores: Stores) -> None:
    await stores.answer(await stores.confirmations.use(CLAIM, [CUSTOMER]))
    found = await asyncio.gather(*(stores.confirmations.use(CLAIM, [CUSTOMER]) for _ in range(8)))
    assert found == 8 * [None]


async def test_thirty_two_calls_ask_one_question(stores: Stores) -> None:
    """Break: drop confirmations_one_open."""
    claims = [replace(CLAIM, used_by=f"call_{n}") for n in range(32)]
    found = await asyncio.gather(*(stores.confirmations.use(one, [CUSTOMER]) for one in claims))
    assert len({one.confirmation_id for one in found if one}) == 1


async def test_neither_of_two_answers_is_used_while_one_is_missing(stores: Stores) -> None:
    both = (OPERATOR, CUSTOMER)
    await stores.yes(CUSTOMER)
    missing = (await stores.reserve(questions=both)).missing
    assert missing.approver is Approver.OPERATOR
    await stores.answer(missing)
    assert (await stores.reserve(questions=both)).outcome is Outcome.RESERVED
    states = {one.state for one in await stores.confirmations.page(Filter("acme"))}
    assert states == {Standing.USED}


async def test_what_stands_in_the_way_is_told_before_anybody_is_asked(stores: Stores) -> None:
    """Nobody shall agree to what cannot be done. Break: take the yes before `effects.reserve`."""
    await stores.yes()
    reserved = (await stores.reserve()).effect
    await stores.ledger.conclude(reserved, State.IN_DOUBT, LOST, 0)
    elsewhere = await stores.reserve(effect_id="eff_2", effect_key="key_2", turn_group_id="grp_2")
    assert (elsewhere.outcome, elsewhere.missing) == (Outcome.BLOCKED_IN_DOUBT, None)
    stale = wish(number=2, epoch=4)
    await stores.ledger.fence("acme", "ses_1", 5)
    assert (await stores.ledger.reserve(stale)).outcome is Outcome.FENCED


async def test_a_no_stands_for_its_turn_group_and_is_asked_about_anew_later(stores: Stores) -> None:
    """Break: leave the look for DECLINED out of `ask_confirmation`."""
    asked = (await stores.reserve()).missing
    assert (await stores.answer(asked, yes=False, turn_group_id="grp_2")).state is Standing.DECLINED
    same = await stores.reserve(turn_group_id="grp_2", effect_key="key_2")
    assert (same.outcome, same.missing.state) == (Outcome.UNCONFIRMED, Standing.DECLINED)
    later = await stores.reserve(turn_group_id="grp_3", effect_key="key_3")
    assert later.missing.state is Standing.ASKED
    assert later.missing.confirmation_id != asked.confirmation_id


async def test_an_idempotent_effect_of_a_lost_reservation_is_sent_on_the_same_yes(stores: Stores) -> None:
    """A crash between reserving and sending: the repeat must not ask again, nor pass on a second yes."""
    label = {"policy": Policy.IDEMPOTENT}
    await stores.yes(**label)
    reserved = (await stores.reserve(**label)).effect
    await stores.ledger.conclude(reserved, State.IN_DOUBT, LOST, 0)
    again = await stores.reserve(reservation_id="rsv_2", turn_id="trn_2", epoch=2, **label)
    assert again.outcome is Outcome.RESERVED


async def test_an_answer_may_be_repeated_and_a_no_is_the_last_word(stores: Stores) -> None:
    """Break: update whatever the state in `answer_confirmation`."""
    asked = (await stores.reserve()).missing
    first = await stores.answer(asked, request_id="req_1")
    assert await stores.answer(asked, request_id="req_2") == first
    with pytest.raises(errors.RequestIdReused):
        await stores.answer(asked, yes=False, request_id="req_1")
    await stores.reserve()
    assert (await stores.answer(asked, request_id="req_1")).state is Standing.USED, "a repeat of the call"
    with pytest.raises(errors.ConfirmationClosed):
        await stores.answer(asked)


async def test_a_no_takes_back_a_yes_that_no_call_has_used(stores: Stores) -> None:
    """Break: accept an answer to ASKED alone in `answer_confirmation`."""
    asked = (await stores.reserve()).missing
    await stores.answer(asked)
    await stores.answer(asked, yes=False, turn_group_id="grp_1")
    assert (await stores.reserve()).missing.state is Standing.DECLINED
    with pytest.raises(errors.ConfirmationClosed):
        await stores.answer(asked)


@pytest.mark.parametrize(
    "changes", [{"session_id": "ses_2"}, {"tenant_id": "globex"}, {"confirmation_id": "cnf_0"}]
)
async def test_an_answer_belongs_to_its_session(stores: Stores, changes: dict[str, Any]) -> None:
    asked = (await stores.reserve()).missing
    with pytest.raises(errors.ConfirmationNotFound):
        await stores.answer(asked, **changes)
    with pytest.raises(errors.ForeignAttempt):
        await stores.answer(asked, approver=Approver.OPERATOR)
    assert (await stores.reserve()).missing.state is Standing.ASKED


async def test_confirmations_are_listed_newest_first(stores: Stores) -> None:
    for number in range(3):
        await stores.reserve(arguments_json=f'{{"n":{number}}}')
    found = await stores.confirmations.page(Filter("acme", "ses_1", limit=2))
    assert [one.arguments_json for one in found] == ['{"n":2}', '{"n":1}']
    (rest,) = await stores.confirmations.page(Filter("acme", before=found[-1].position))
    await stores.answer(rest)
    assert [
        one.state for one in await stores.confirmations.page(Filter("acme", state=Standing.ACCEPTED))
    ] == [Standing.ACCEPTED]
    assert await stores.confirmations.page(Filter("globex")) == []


async def test_what_lapsed_lets_nothing_pass_and_is_asked_for_anew(database: str) -> None:
    """By the clock of the database. Break: leave `expires_at` out of `take_confirmations`."""
    brief = Question(Approver.CUSTOMER, "Sure?", 0.3)
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        stores = Stores(MemoryLedger(), MemoryLedger(), PostgresConfirmations(pool))
        first = await stores.confirmations.use(CLAIM, [brief])
        await stores.answer(first)

        async def lapsed() -> bool:
            return bool(await stores.confirmations.page(Filter("acme", state=Standing.EXPIRED)))

        await until(lapsed, "the yes has lapsed")
        with pytest.raises(errors.ConfirmationExpired):
            await stores.answer(first)
        second = await stores.confirmations.use(CLAIM, [brief])
        assert second is not None
        assert first is not None
        assert (second.state, second.confirmation_id != first.confirmation_id) == (Standing.ASKED, True)
        with pytest.raises(errors.ConfirmationExpired):
            await stores.answer(first, yes=False)
