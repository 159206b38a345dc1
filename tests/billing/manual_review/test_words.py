"""What a supplier said wrongly is listed and counted until an operator has seen it; how long a top-up waits counts
from when its supplier may first be asked.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from billing.fulfilment.protocol import Unknown
from billing.manual_review import decisions, waiting
from billing.manual_review.decisions import Person
from billing.manual_review.rules import NotNow
from billing.manual_review.waiting import ReviewFilter, health_of
from billing.reports.operator_home import read_home
from billing.topups import approval as approvals
from billing.topups.fulfilment import Settle
from billing.topups.settlement import Release
from billing.topups.topup import Deliverable
from kernel.clock import HOUR_US, SECOND_US, FixedClock
from kernel.errors import InvalidInput
from keys.audit_log import Actor
from store.database import Database
from tests.support.scripted_suppliers import Shop, Told

ANN = Person(Actor(), "ann")


async def test_a_kept_word_is_listed_and_counted_until_it_was_seen(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"vendor": Told()})
    topup_id = await shop.send()
    await shop.worker.step()
    late = Settle(
        topup_id,
        shop.account.principal.tenant,
        "delivered",
        given=Deliverable("code", "GIFT-9999-0000"),
        by="vendor",
    )
    await shop.account.engine.submit(late)
    now_us = clock.now_us()

    async def listed() -> list[str]:
        wanted = ReviewFilter("staging", "word")
        found = await database.read(lambda tx: waiting.page(tx, wanted, limit=10, now_us=now_us))
        return [one.topup.id for one in found]

    async def counted() -> tuple[int, int, int]:
        """At the metric, in the menu and on the operator's home."""
        gauges = await database.read(lambda tx: waiting.gauges(tx, now_us=now_us))
        menu = await database.read(lambda tx: waiting.count_waiting(tx, "staging", now_us=now_us))
        home = await database.read(
            lambda tx: read_home(tx, "staging", now_us=now_us, attempt_us_max=1)
        )
        return gauges["staging", "word"], menu, home.waits.contradicted_topups

    async def see(reason: str) -> int:
        return await database.transaction(
            lambda tx: decisions.see_words(
                tx, "staging", topup_id, reason=reason, by=ANN, now_us=now_us
            )
        )

    assert (await listed(), await counted()) == ([topup_id], (1, 1, 1))
    with pytest.raises(InvalidInput):
        await see(" ")
    assert await see("their second code is void") == 1
    assert (await listed(), await counted()) == ([], (0, 0, 0))
    with pytest.raises(NotNow):
        await see("again")
    await shop.close()


async def test_a_wait_counts_from_the_send_and_from_a_scheduled_time(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"vendor": Told([Unknown("HTTP 500")] * 9)})
    at = clock.now_us() + HOUR_US
    timed = (await shop.account.send(1000, platform="gpt", send_at=at)).topup
    clock.advance_s(3601)
    await shop.account.engine.submit(Release(timed.id, timed.tenant, spent_by=timed.spent_by))
    clock.advance_s(99)

    async def seen() -> tuple[float | None, int, Mapping[str, int]]:
        now_us = clock.now_us()
        health = await database.read(lambda tx: health_of(tx, "staging", ["vendor"], now_us=now_us))
        gauges = await database.read(lambda tx: waiting.gauges(tx, now_us=now_us))
        longest = await database.read(lambda tx: waiting.longest_waits(tx, now_us=now_us))
        return health["vendor"].waits_s, gauges["staging", "hour"], longest

    assert await seen() == (100.0, 0, {"staging": 100_000_000, "live": 0})
    clock.advance_s(3600)
    assert await seen() == (3700.0, 1, {"staging": 3_700_000_000, "live": 0})
    assert clock.now_us() - at == SECOND_US * 3700
    await shop.close()


async def test_a_wait_counts_from_the_approval_and_not_from_the_time_before_it(
    database: Database, clock: FixedClock
) -> None:
    shop = await Shop.open(database, clock, {"vendor": Told([Unknown("HTTP 500")] * 9)})
    asking = await shop.account.mint(approval_threshold_cents=500)
    account = replace(shop.account, principal=asking)
    sent = await account.send(1000, platform="gpt")
    clock.advance_s(7200)
    asked = await database.read(lambda tx: approvals.load_for_topups(tx, [sent.topup.id]))

    async def seen() -> tuple[float | None, int, Mapping[str, int]]:
        now_us = clock.now_us()
        health = await database.read(lambda tx: health_of(tx, "staging", ["vendor"], now_us=now_us))
        gauges = await database.read(lambda tx: waiting.gauges(tx, now_us=now_us))
        longest = await database.read(lambda tx: waiting.longest_waits(tx, now_us=now_us))
        return health["vendor"].waits_s, gauges["staging", "hour"], longest

    assert await seen() == (None, 0, {"staging": 0, "live": 0})
    await account.decide(sent.topup.id, asked[sent.topup.id].id, "approved")
    clock.advance_s(100)
    assert await seen() == (100.0, 0, {"staging": 100_000_000, "live": 0})
    clock.advance_s(3600)
    assert await seen() == (3700.0, 1, {"staging": 3_700_000_000, "live": 0})
    await shop.close()
