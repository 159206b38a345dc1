"""Whom a top-up is asked of, in what order, and who decides where nobody knows: the rules that no
supplier can break, with suppliers of the test's own as rows of a real database.
"""

import asyncio
from typing import Literal

import pytest

from billing.fulfilment.protocol import (
    Delivered,
    NotDone,
    Outcome,
    Refused,
    Request,
    Unknown,
    Waiting,
)
from billing.fulfilment.suppliers import ReadySupplier
from billing.manual_review.decisions import FailByHand, SettleByHand
from billing.topups.fulfilment import AttemptEnded, Settle
from billing.topups.platform import InvalidPlatform
from billing.topups.platform_rows import get_supplier, set_suppliers
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from store.database import Database, Transaction
from tests.support.scripted_suppliers import AGAIN_S, CODE, Shop, Told
from worker.fulfilment_runner import Breakers, Superseded, call_supplier

pytestmark = pytest.mark.one_database


async def test_the_next_supplier_is_asked_after_a_definite_no_only(
    database: Database, clock: FixedClock
) -> None:
    first = Told([Unknown("HTTP 502"), Waiting(), Refused("sold out")])
    second = Told()
    shop = await Shop.open(database, clock, {"first": first, "second": second})
    topup_id = await shop.send()

    await shop.worker.step()
    assert second.asked == []
    await shop.again()
    assert second.asked == []
    await shop.again()
    await shop.again()

    topup = await shop.now(topup_id)
    assert (topup.status, topup.supplier) == ("delivered", "second")
    assert [one.attempt for one in first.asked] == [1, 2, 3]
    assert [one.attempt for one in second.asked] == [1]
    assert await shop.turns(topup_id) == [("first", "refused", 3), ("second", "delivered", 1)]
    assert topup.given is not None
    assert (topup.given.kind, topup.given.value_hint) == ("code", "5678")
    codes = shop.account.rules.codes
    assert codes.issued(topup_id, topup.fulfilment_code) == "GIFT-1234-5678"
    assert topup.new_balance_cents == 0
    await shop.close()


async def test_funds_go_back_once_every_supplier_said_no(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(
        database, clock, {"a": Told([Refused("no user")]), "b": Told([Refused("sold out")])}
    )
    topup_id = await shop.send()

    await shop.worker.step()

    topup = await shop.now(topup_id)
    assert (topup.status, topup.failure_reason) == ("failed", "sold out")
    assert (await shop.account.balance())["balance_cents"] == 1_000_000
    assert await shop.turns(topup_id) == [("a", "refused", 1), ("b", "refused", 1)]
    await shop.close()


@pytest.mark.parametrize("word", ["failed", "delivered"])
async def test_a_second_word_of_who_said_no_changes_nothing_of_who_is_asked_now(
    database: Database, clock: FixedClock, word: Literal["failed", "delivered"]
) -> None:
    first, second = Told([Refused("sold out")]), Told([Unknown("timeout"), Delivered(CODE)])
    shop = await Shop.open(database, clock, {"first": first, "second": second})
    topup_id = await shop.send()
    await shop.worker.step()
    assert await shop.turns(topup_id) == [("first", "refused", 1), ("second", "unknown", 1)]

    # As a callback of the first one's own that was read before its answer, and comes after it.
    tenant = shop.account.principal.tenant
    late = Settle(topup_id, tenant, word, reason="sold out", given=CODE, by="first")
    if word == "failed":
        with pytest.raises(AttemptEnded):
            await shop.account.engine.submit(late)
    else:
        kept = await shop.account.engine.submit(late)
        assert kept.objection == 'It said "delivered" when the top-up was with second already.'

    assert (await shop.now(topup_id)).status == "pending"
    await shop.again()
    await shop.again()
    assert (await shop.now(topup_id)).status == "delivered"
    assert await shop.turns(topup_id) == [("first", "refused", 1), ("second", "delivered", 2)]
    await shop.close()


async def test_an_unknown_outcome_stays_with_its_supplier_whatever_the_list_says(
    database: Database, clock: FixedClock
) -> None:
    first, second = Told([Unknown("timeout")]), Told()
    shop = await Shop.open(database, clock, {"first": first, "second": second})
    topup_id = await shop.send()
    await shop.worker.step()

    await database.transaction(lambda tx: set_suppliers(tx, "staging", "gpt", ["second"]))
    await shop.suppliers.refresh()
    await shop.again()

    assert (len(first.asked), second.asked) == (2, [])
    assert (await shop.now(topup_id)).status == "delivered"
    await shop.close()


async def test_a_worker_that_died_while_asking_is_followed_by_a_look(
    database: Database, clock: FixedClock
) -> None:
    told = Told([None], [Unknown("HTTP 500"), NotDone()], prepared="limit 500")
    shop = await Shop.open(database, clock, {"vendor": told}, asked_again="look")
    topup_id = await shop.send()

    await shop.killed_while_asking()
    assert await shop.turns(topup_id) == [("vendor", "requested", 1)]
    assert [one.prepared for one in await shop.attempts(topup_id)] == ["limit 500"]
    await shop.again()
    assert (told.looked, len(told.asked)) == (1, 1)
    clock.advance_s(2 * AGAIN_S)
    await shop.worker.step()

    assert (told.looked, len(told.asked), told.prepares) == (2, 2, 2)
    assert (await shop.now(topup_id)).status == "delivered"
    assert await shop.turns(topup_id) == [("vendor", "delivered", 3)]
    await shop.close()


@pytest.mark.parametrize("outcome", [Unknown("timeout"), None], ids=["no word", "killed"])
async def test_where_nobody_can_find_out_a_person_decides(
    database: Database, clock: FixedClock, outcome: Unknown | None
) -> None:
    told = Told([outcome])
    shop = await Shop.open(database, clock, {"vendor": told}, asked_again="person")
    topup_id = await shop.send()
    if outcome is None:
        await shop.killed_while_asking()
    else:
        await shop.worker.step()
    await shop.again()
    clock.advance_s(86_400)
    await shop.worker.step()

    assert len(told.asked) == 1
    assert (await shop.now(topup_id)).needs_review
    with pytest.raises(InvalidInput):
        await shop.act(FailByHand, topup_id, reason="gone")
    ended = await shop.act(
        SettleByHand, topup_id, reason="in their list", given=CODE, is_checked=True
    )
    assert ended.topup.status == "delivered"
    assert not ended.topup.needs_review
    told_to = await database.read(
        lambda tx: tx.fetch("SELECT action, after FROM audit_log WHERE action LIKE 'topup.%'")
    )
    assert [row["action"] for row in told_to] == ["topup.settle"]
    assert "GIFT-1234" not in str(told_to[0]["after"])
    await shop.close()


async def test_a_person_fails_what_was_checked_and_the_funds_go_back(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(
        database,
        clock,
        {"vendor": Told([Unknown("timeout")]), "other": Told()},
        asked_again="person",
    )
    topup_id = await shop.send()
    await shop.worker.step()

    ended = await shop.act(FailByHand, topup_id, reason="not there", is_checked=True)

    assert (ended.topup.status, ended.topup.failure_reason) == ("failed", "not there")
    assert ended.wallet_balance_cents == 1_000_000
    assert await shop.turns(topup_id) == [("vendor", "dropped", 1)]
    assert shop.told["other"].asked == []
    await shop.close()


async def test_one_top_up_of_a_recipient_at_a_time_and_what_was_left_is_handed_on(
    database: Database, clock: FixedClock
) -> None:
    told = Told([Unknown("timeout"), Delivered(left="key-7"), Delivered(left="key-7")])
    shop = await Shop.open(database, clock, {"vendor": told}, is_one_per_recipient=True)
    first, second = await shop.send(to="a@example.com"), await shop.send(to="a@example.com")
    other = await shop.send(to="b@example.com")
    await shop.worker.step()
    behind = {one.transaction_id for one in told.asked}
    assert len(behind & {first, second}) == 1
    assert other in behind

    for _ in range(4):
        clock.advance_s(AGAIN_S)
        await shop.worker.step()

    assert [(await shop.now(one)).status for one in (first, second, other)] == ["delivered"] * 3
    ours = [one for one in told.asked if one.recipient_email == "a@example.com"]
    last = ours[-1]
    assert last.recipient_left == "key-7"
    assert {one.recipient_left for one in told.asked if one.transaction_id == other} == {None}
    await shop.close()


@pytest.mark.parametrize(("age_s", "wait_s"), [(3, 2), (160, 20), (86_400, 60)])
async def test_the_longer_one_waits_behind_another_the_seldomer_it_is_tried(
    database: Database, clock: FixedClock, age_s: int, wait_s: int
) -> None:
    told = Told([Unknown("HTTP 401", needs_review=True)])
    shop = await Shop.open(database, clock, {"vendor": told}, is_one_per_recipient=True)
    await shop.send(to="a@example.com")
    await shop.worker.step()
    behind = await shop.send(to="a@example.com")

    clock.advance_s(age_s)
    await shop.worker.step()

    assert (await shop.now(behind)).next_check_at == clock.now_us() + wait_s * 1_000_000
    assert len(told.asked) == 1
    await shop.close()


class Poisoned(Told):
    """Gives no word for the recipients that are named `bad`, and delivers for everybody else."""

    word: Outcome = Unknown("HTTP 500")

    async def fulfil(self, request: Request) -> Outcome:
        self.asked.append(request)
        if request.recipient_email.startswith("bad"):
            return self.word
        return Delivered(self._code(request))


async def test_five_poisoned_top_ups_keep_a_healthy_supplier_away_for_one_rest_at_most(
    database: Database, clock: FixedClock
) -> None:
    seconds = [0.0]
    told = Poisoned()
    shop = await Shop.open(database, clock, {"vendor": told}, breakers=Breakers(lambda: seconds[0]))
    for number in range(5):
        await shop.send(to=f"bad{number}@example.com")
    await shop.worker.step()
    assert len(told.asked) == 5  # left alone now
    for _ in range(20):  # for 11 minutes poisoned ones are all that there is to try it with
        seconds[0] += 31.0
        await shop.again()

    fresh = [await shop.send(to=f"u{number}@example.com") for number in range(3)]
    seconds[0] += 31.0
    await shop.worker.step()

    assert [(await shop.now(one)).status for one in fresh] == ["delivered"] * 3
    await shop.close()


async def test_one_top_up_that_gets_no_word_is_counted_once(
    database: Database, clock: FixedClock
) -> None:
    told = Poisoned()
    shop = await Shop.open(database, clock, {"vendor": told})
    await shop.send(to="bad@example.com")
    for _ in range(12):
        clock.advance_s(700)
        await shop.worker.step()

    row = await database.read(lambda tx: get_supplier(tx, "staging", "vendor"))

    assert len(told.asked) == 12
    assert row.breaker_opened_at is None
    await shop.close()


async def test_unreadable_answers_do_not_count_against_their_supplier(
    database: Database, clock: FixedClock
) -> None:
    told = Poisoned()
    told.word = Unknown("an unreadable answer", is_unreadable=True)
    shop = await Shop.open(database, clock, {"vendor": told})
    for number in range(7):
        await shop.send(to=f"bad{number}@example.com")
    await shop.worker.step()
    fresh = await shop.send(to="u@example.com")

    await shop.worker.step()

    assert (await shop.now(fresh)).status == "delivered"
    await shop.close()


async def test_a_silent_supplier_is_left_alone_and_nothing_is_failed(
    database: Database, clock: FixedClock
) -> None:
    seconds = [0.0]
    breakers = Breakers(lambda: seconds[0], failures_max=3)
    told = Told([Unknown("timeout")] * 4)
    shop = await Shop.open(database, clock, {"vendor": told}, breakers=breakers)
    ids = [await shop.send(to=f"u{number}@example.com") for number in range(3)]
    await shop.worker.step()
    assert len(told.asked) == 3
    row = await database.read(lambda tx: get_supplier(tx, "staging", "vendor"))
    assert (row.breaker_opened_at, row.last_error) == (clock.now_us(), "timeout")

    waiting = await shop.send(to="later@example.com")
    await shop.again()
    assert len(told.asked) == 3  # left alone: nothing is asked, whatever is due

    seconds[0] = 31.0
    await shop.worker.step()
    assert len(told.asked) == 4  # one goes first, and gets no word: left alone for longer
    seconds[0] = 31.0 + 61.0
    for _ in range(3):
        await shop.again()

    assert [(await shop.now(one)).status for one in (*ids, waiting)] == ["delivered"] * 4
    row = await database.read(lambda tx: get_supplier(tx, "staging", "vendor"))
    assert row.breaker_opened_at is None
    await shop.close()


async def test_a_platform_without_a_supplier_is_not_offered(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"vendor": Told()})
    await database.transaction(lambda tx: set_suppliers(tx, "staging", "gpt", []))
    assert await shop.suppliers.refresh()
    assert not await shop.suppliers.refresh()

    with pytest.raises(InvalidPlatform) as refusal:
        await shop.send()

    assert refusal.value.reason == "no_supplier"
    await shop.close()


async def test_a_top_up_whose_supplier_is_switched_off_waits(
    database: Database, clock: FixedClock
) -> None:
    told = Told([Waiting()])
    shop = await Shop.open(database, clock, {"vendor": told})
    topup_id = await shop.send()
    await shop.worker.step()

    async def switch(tx: Transaction, flag: int) -> None:
        await tx.execute("UPDATE suppliers SET is_active = :flag", flag=flag)
        await tx.execute("UPDATE platform_versions SET version = version + 1")

    await database.transaction(lambda tx: switch(tx, 0))
    await shop.suppliers.refresh()
    await shop.again()
    assert (len(told.asked), (await shop.now(topup_id)).status) == (1, "pending")
    await database.transaction(lambda tx: switch(tx, 1))
    await shop.suppliers.refresh()
    await shop.again()

    assert (await shop.now(topup_id)).status == "delivered"
    await shop.close()


async def test_worker_that_was_stopped_past_its_turn_asks_nobody() -> None:
    told, prepared = Told(prepared="limit 500"), list[str]()
    supplier = ReadySupplier("vendor", "staging", "vendor", told)
    request = Request("txn_1", "acc_1", "staging", "gpt", 1000, "a@example.com", "")

    async def keep(text: str) -> bool:
        prepared.append(text)
        return True

    with pytest.raises(Superseded):
        await call_supplier(supplier, request, keep, until_s=asyncio.get_running_loop().time())

    assert (told.prepares, told.asked, prepared) == (0, [], [])
