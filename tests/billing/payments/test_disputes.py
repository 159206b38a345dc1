"""Disputes on the desk: kept as their provider tells them, in any order, with their evidence's end."""

from dataclasses import replace
from pathlib import Path

import pytest

from billing.payments import disputes
from billing.payments.disputes import DisputeRow, DisputeState
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import DisputeClosed, Disputed, DisputeNote, Subject
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import InvalidInput
from keys.account import set_operator
from store.database import Database, Transaction
from tests.support.refunding import usd
from tests.support.toypay_buyer import open_toypay_buyer

DUE = parse_rfc3339("2026-06-20T12:00:00Z")
NEEDS = DisputeNote("needs_response", "fraudulent", DUE, page_url="https://vendor.example/dp_1")
TOLD = NotificationRef("toypay", "staging", "evt_1", "charge.dispute.created")


async def _shown(database: Database) -> list[tuple[str, str | None, int, int | None]]:
    found: list[DisputeRow] = await database.read(
        lambda tx: disputes.page_of_disputes(tx, "staging", limit=9)
    )
    return [(one.status, one.order_id, one.amount, one.due_at) for one in found]


async def test_a_dispute_stands_on_the_desk_until_it_ends_and_operators_are_told_once(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_toypay_buyer(database, clock, tmp_path) as buyer:
        boss = buyer.account.account_id
        await database.transaction(lambda tx: set_operator(tx, boss, is_operator=True))
        order = await buyer.place()
        await buyer.notify("paid", order)
        hear = buyer.payments.notifications.act_on
        subject = Subject(order.id)

        await hear([Disputed(subject, "dp_1", usd(2000), NEEDS)], TOLD)
        assert await _shown(database) == [("needs_response", order.id, 2000, DUE)]
        under = DisputeNote("under_review", "fraudulent")
        await hear([Disputed(subject, "dp_1", usd(2000), under)], TOLD)
        assert await _shown(database) == [("under_review", order.id, 2000, DUE)]
        lost = DisputeClosed(subject, "dp_1", False, DisputeNote("lost", is_over=True))
        await hear([lost], TOLD)
        # Told late: what ended does not open again.
        await hear([Disputed(subject, "dp_1", usd(2000), under)], TOLD)
        assert await _shown(database) == []

        async def told(tx: Transaction) -> int:
            sql = "SELECT COUNT(*) AS n FROM events WHERE type = 'dispute.opened'"
            row = await tx.fetch_one(sql)
            return 0 if row is None else int(row["n"])

        assert await database.read(told) == 1


@pytest.mark.one_database
async def test_an_inquiry_takes_no_money_and_one_of_nothing_of_ours_is_kept(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_toypay_buyer(database, clock, tmp_path) as buyer:
        order = await buyer.place()
        await buyer.notify("paid", order)
        hear = buyer.payments.notifications.act_on
        asks = DisputeNote("warning_needs_response", "general", DUE, is_inquiry=True)

        await hear([Disputed(Subject(order.id), "dp_1", usd(0), asks)], TOLD)
        await hear([Disputed(Subject(None, ("pi_9",)), "dp_2", usd(500), NEEDS)], TOLD)

        assert await _shown(database) == [
            ("warning_needs_response", order.id, 0, DUE),
            ("needs_response", None, 500, DUE),
        ]
        assert (await buyer.now(order)).status == "paid"


@pytest.mark.one_database
async def test_what_was_said_later_stays_whatever_is_told_last(
    database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_toypay_buyer(database, clock, tmp_path) as buyer:
        hear = buyer.payments.notifications.act_on
        subject = Subject(None, ("pi_9",))
        later = DisputeNote("under_review", "fraudulent", None, sent_at=DUE + 1)
        earlier = replace(NEEDS, sent_at=DUE)

        await hear([Disputed(subject, "dp_1", usd(2000), later)], TOLD)
        await hear([Disputed(subject, "dp_1", usd(1500), earlier)], TOLD)

        # The end of evidence was told by the earlier word alone.
        assert await _shown(database) == [("under_review", None, 2000, DUE)]


async def test_pages_of_disputes_have_each_once(database: Database, clock: FixedClock) -> None:
    ends = [DUE + 2, None, DUE + 1, DUE + 1, None]
    for number, due_at in enumerate(ends):
        note = DisputeNote("needs_response", "general", due_at)
        fact = Disputed(Subject(None, ("pi_9",)), f"dp_{number}", usd(100), note)
        await database.transaction(
            lambda tx, fact=fact, number=number: disputes.save(  # type: ignore[misc]
                tx, TOLD, fact, (None, None), now_us=number
            )
        )
    for number in (0, 2):
        over = DisputeNote("lost", is_over=True)
        ended = DisputeClosed(Subject(None, ("pi_9",)), f"dp_{number}", False, over)
        await database.transaction(
            lambda tx, fact=ended, number=number: disputes.save(  # type: ignore[misc]
                tx, TOLD, fact, (None, None), now_us=90 + number
            )
        )

    async def walk(state: DisputeState) -> list[list[str]]:
        pages: list[list[DisputeRow]] = []
        after: str | None = None
        while True:
            page: list[DisputeRow] = await database.read(
                lambda tx, after=after: disputes.page_of_disputes(  # type: ignore[misc]
                    tx, "staging", state=state, after=after, limit=2
                )
            )
            if not page:
                return [[one.id for one in each] for each in pages]
            pages.append(page)
            after = page[-1].cursor

    assert await walk("open") == [["dp_3", "dp_1"], ["dp_4"]]
    assert await walk("ended") == [["dp_2", "dp_0"]]
    with pytest.raises(InvalidInput, match="belong to this list"):
        await database.read(
            lambda tx: disputes.page_of_disputes(tx, "staging", after="toypay/dp_9", limit=2)
        )
