"""A key's mandate binds every way in which it spends, in the transaction of the spend."""

from typing import Any

import pytest

from billing.engine.limit import LooksRepeated
from billing.engine.spending import KeyUsage, load_key_usage
from billing.topups.reverse import Reverse
from billing.usage.hold import ReleaseHold, new_hold
from billing.usage.price_list import Tokens
from kernel.clock import FixedClock
from kernel.errors import DomainError
from keys.account import lock_tenants, set_day_limit
from keys.api_keys.api_key import patch
from keys.caps import CapExceeded
from keys.mandate import OutsideMandate, SpendWindow
from keys.principal import Principal
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.prices import GPT, price
from tests.support.usage import use

HOUR = 3600
DAY = 86_400
MICROS = 10_000


async def opened(database: Database, clock: FixedClock, **mandate: Any) -> FundedAccount:
    return await open_funded_account(database, clock, **mandate)


async def refusal(sending: Any) -> CapExceeded:
    with pytest.raises(CapExceeded) as refused:
        await sending
    return refused.value


async def standing(account: FundedAccount, principal: Principal | None = None) -> KeyUsage:
    who = principal or account.principal

    async def work(tx: Transaction) -> KeyUsage:
        now_us = account.clock.now_us()
        found = await load_key_usage(tx, who.tenant, who.lineage, now_us=now_us)
        return found.of(who.lineage)

    return await account.database.read(work)


async def changed(account: FundedAccount, principal: Principal, **fields: Any) -> None:
    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [principal.tenant])
        await patch(
            tx,
            principal.tenant,
            principal.key_id or "",
            changes=fields,
            asker=None,
            now_us=account.clock.now_us(),
        )

    await account.database.transaction(work)


async def test_a_rolling_window_opens_when_what_it_counts_has_left_it(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, windows=[SpendWindow(HOUR, 1000)])
    await account.send(700)
    clock.advance_s(600)
    await account.send(300)

    refused = await refusal(account.send(100))

    # Buckets of 3600 / 59 s, 62 s at most: the first spend leaves an hour and less than that later.
    assert refused.reason == "window"
    assert refused.extra["remaining"] == refused.extra["max_now_cents"] == 0
    assert refused.retry_after_s is not None
    assert 3000 < refused.retry_after_s <= 3062
    clock.advance_s(refused.retry_after_s - 2)
    await refusal(account.send(700))
    clock.advance_s(2)
    await account.send(700)
    await refusal(account.send(100))


async def test_what_is_above_the_whole_window_is_not_waited_for(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, windows=[SpendWindow(60, 1000)])

    refused = await refusal(account.send(1100))

    assert refused.retry_after_s is None
    assert refused.extra["max_now_cents"] == 1000


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        # After 4.00: the day has 6.00 left and takes 7.00 tomorrow; no hour ever takes 7.00.
        ({"per_day_cents": 1000, "windows": [SpendWindow(HOUR, 500)]}, "window"),
        ({"per_day_cents": 1000, "per_recipient_per_day_cents": 500}, "per_recipient_per_day"),
        (
            {"windows": [SpendWindow(DAY, 1000)], "per_recipient_per_day_cents": 500},
            "per_recipient_per_day",
        ),
    ],
)
async def test_a_limit_below_the_amount_is_named_before_one_that_has_room_later(
    database: Database, clock: FixedClock, limits: dict[str, Any], named: str
) -> None:
    account = await opened(database, clock, **limits)
    await account.send(400)

    refused = await refusal(account.send(700))

    assert (refused.reason, refused.retry_after_s) == (named, None)
    assert (refused.extra["limit"], refused.extra["max_now_cents"]) == (500, 100)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        # After 4.00 now, the day has room tomorrow, a week's window in a week, an hour's in an hour.
        ({"per_day_cents": 500, "windows": [SpendWindow(7 * DAY, 600)]}, "window"),
        ({"per_day_cents": 500, "windows": [SpendWindow(HOUR, 500)]}, "per_day"),
        ({"per_day_cents": 500, "max_recipients_per_week": 1}, "recipients_per_week"),
        (
            {"windows": [SpendWindow(HOUR, 500)], "max_recipients_per_week": 1},
            "recipients_per_week",
        ),
        ({"per_recipient_per_day_cents": 500, "max_sends_per_hour": 1}, "sends_per_hour"),
    ],
)
async def test_the_limit_that_has_room_last_is_waited_for(
    database: Database, clock: FixedClock, limits: dict[str, Any], named: str
) -> None:
    account = await opened(database, clock, **limits)
    await account.send(400)

    refused = await refusal(account.send(300, to="bo@example.com"))

    assert refused.reason == named
    assert refused.retry_after_s is not None
    clock.advance_s(refused.retry_after_s)
    await account.send(300, to="bo@example.com")


@pytest.mark.parametrize(("ends_after_s", "wait_s"), [(43_200, None), (43_201, 43_200)])
async def test_no_key_waits_for_what_comes_after_its_end(
    database: Database, clock: FixedClock, ends_after_s: int, wait_s: int | None
) -> None:
    # The day has room again at midnight, 12 hours from now.
    expires_at = clock.now_us() + ends_after_s * 1_000_000
    account = await opened(database, clock, per_day_cents=1000, expires_at=expires_at)
    child = await account.mint(parent=account.principal)
    await account.send(800, principal=child)

    refused = await refusal(account.send(300, principal=child))

    assert (refused.reason, refused.retry_after_s) == ("per_day", wait_s)
    assert (refused.extra["max_now_cents"], refused.extra["resets_at"]) == (
        200,
        "2026-06-14T00:00:00Z",
    )


async def test_what_costs_nothing_passes_a_cap_lowered_below_what_was_spent(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, per_day_cents=1000)
    await price(database, GPT)
    await account.send(800)
    await changed(account, account.principal, per_day_cents=500)

    await use(account, None, model="gpt-4o", tokens=Tokens(0, 0))

    refused = await refusal(account.send(100))
    assert (refused.reason, refused.extra["remaining"]) == ("per_day", 0)


async def test_the_rest_of_a_life_is_no_more_than_the_recipient_may_get(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, lifetime_cents=1000, per_recipient_per_day_cents=500)

    refused = await refusal(account.send(1100))

    assert (refused.reason, refused.extra["max_now_cents"]) == ("lifetime", 500)
    await account.send(500)


async def test_a_life_counts_what_was_spent_before_it_had_an_end(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock)
    await account.send(400)
    clock.advance_s(40 * DAY)
    await account.send(300, platform="slow")
    await changed(account, account.principal, lifetime_cents=1000)

    refused = await refusal(account.send(400))

    assert (refused.reason, refused.retry_after_s) == ("lifetime", None)
    assert (refused.extra["remaining"], refused.extra["resets_at"]) == (300, None)
    sent = await account.send(300, platform="slow")
    await refusal(account.send(100))
    await account.cancel(sent.topup.id)
    await account.send(300)


async def test_sends_of_an_hour_stay_counted_when_they_are_cancelled(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, max_sends_per_hour=2)
    for _ in range(2):
        sent = await account.send(100, platform="slow")
        await account.cancel(sent.topup.id)

    refused = await refusal(account.send(100))

    assert refused.reason == "sends_per_hour"
    assert (refused.extra["limit"], refused.extra["max_now_cents"]) == (2, 0)


async def test_a_recipient_is_one_person_whatever_follows_the_plus(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, per_recipient_per_day_cents=500)
    await account.send(300, to="Ana@Example.com")
    await account.send(500, to="bo@example.com")

    refused = await refusal(account.send(300, to="ana+2@example.com"))

    assert (refused.reason, refused.extra["remaining"]) == ("per_recipient_per_day", 200)
    sent = await account.send(200, to="ana+3@example.com", platform="slow")
    await refusal(account.send(100, to="ana@example.com"))
    await account.cancel(sent.topup.id)
    await account.send(200, to="ana@example.com")
    clock.advance_s(DAY)
    await account.send(500, to="ana@example.com")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("to", "is_allowed"),
    [
        ("ANA@Acme.Example", True),
        ("any.body@shop.example", True),
        ("bo@acme.example", False),
        ("ana+1@acme.example", False),
        ("x@sub.shop.example", False),
        ("x@shop.example.evil.example", False),
        ("shop.example@evil.example", False),
        ("x@bücher.example", True),
        ("x@xn--bcher-kva.example", True),
    ],
)
async def test_a_list_of_recipients_is_compared_in_one_form(
    database: Database, clock: FixedClock, to: str, is_allowed: bool
) -> None:
    account = await opened(
        database, clock, recipients=["Ana@ACME.example", "*@Shop.example", "*@BÜCHER.example"]
    )

    if is_allowed:
        await account.send(100, to=to)
        return
    with pytest.raises(OutsideMandate) as refused:
        await account.send(100, to=to)
    assert refused.value.reason == "recipient"
    assert refused.value.extra["allowed"] == [
        "ana@acme.example",
        "*@shop.example",
        "*@xn--bcher-kva.example",
    ]


async def test_the_same_send_again_is_refused_until_it_did_not_come_about(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(database, clock, repeat_guard_s=600)
    child = await account.mint(parent=account.principal)
    first = await account.send(500, platform="slow")

    with pytest.raises(LooksRepeated) as refused:
        await account.send(500, platform="slow", principal=child)

    assert refused.value.extra["transaction_id"] == first.topup.id
    await account.send(600, platform="slow")
    await account.send(500, platform="claude")
    await account.cancel(first.topup.id)
    second = await account.send(500, platform="slow")
    third = await account.send(500, platform="slow", is_distinct=True)
    await account.cancel(third.topup.id)
    with pytest.raises(LooksRepeated) as refused:
        await account.send(500, platform="slow")
    assert refused.value.extra["transaction_id"] == second.topup.id
    clock.advance_s(600)
    await account.send(500, platform="slow")


async def test_what_comes_back_leaves_each_window_in_which_it_was_counted(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(
        database, clock, windows=[SpendWindow(HOUR, 1000)], per_recipient_per_day_cents=1000
    )
    tenant = account.principal.tenant
    await database.transaction(lambda tx: set_day_limit(tx, tenant, 1000))
    sent = await account.send(400)
    hold = await account.run(
        new_hold(account.principal, amount_micros=300 * MICROS, description="")
    )
    failed = await account.send(300, platform="slow")
    await refusal(account.send(100))
    clock.advance_s(500)

    await account.run(Reverse(sent.topup.id, tenant, "by mistake"))
    await account.run(ReleaseHold(hold.hold.id, tenant))
    await account.settle(failed.topup.id, "failed")

    assert (await standing(account)).max_now_cents == 1000
    await account.send(1000)
    # Counted twice, it would leave room for more.
    await refusal(account.send(100))
    assert await account.findings() == []


async def test_a_limit_is_told_of_once_in_its_window(database: Database, clock: FixedClock) -> None:
    account = await opened(
        database, clock, per_day_cents=2000, windows=[SpendWindow(HOUR, 1000)], lifetime_cents=5000
    )
    for _ in range(3):
        sent = await account.send(1000, platform="slow")
        await account.cancel(sent.topup.id)
    told = [one for one in await account.events() if one.startswith("key.")]
    assert told == ["key.cap_near", "key.cap_reached"]
    await account.send(800)
    clock.advance_s(2 * HOUR)
    await account.send(1000)
    told = [one for one in await account.events() if one.startswith("key.")]
    # The window again, and the day for the first time: 1,800 of 2,000.
    assert told[2:] == ["key.cap_near", "key.cap_near", "key.cap_reached"]


async def test_staging_and_live_are_counted_apart(database: Database, clock: FixedClock) -> None:
    account = await opened(database, clock)
    staging = account.principal.tenant
    await database.transaction(lambda tx: set_day_limit(tx, staging, 100))
    await account.send(100)
    live = await account.in_live()

    assert (await standing(account, live)).limits == []
    await refusal(account.send(100))


@pytest.mark.one_database
async def test_what_a_key_alone_has_is_what_it_may_not_give_its_children(
    database: Database, clock: FixedClock
) -> None:
    account = await opened(
        database,
        clock,
        platforms=["claude"],
        recipients=["*@acme.example"],
        lifetime_cents=1000,
        windows=[SpendWindow(HOUR, 500)],
        max_sends_per_hour=5,
    )
    for wider in (
        {"platforms": ["claude", "gemini"]},
        {"recipients": ["ana@acme.example", "x@evil.example"]},
        {"recipients": ["*@sub.acme.example"]},
        {"lifetime_cents": 1001},
        {"windows": [SpendWindow(HOUR, 501)]},
        {"max_sends_per_hour": 6},
    ):
        with pytest.raises(DomainError):
            await account.mint(parent=account.principal, **wider)
    child = await account.mint(parent=account.principal, recipients=["ana@acme.example"])
    # What is narrowed above later binds it, too.
    await changed(account, account.principal, recipients=["bo@acme.example"])
    for to in ("ana@acme.example", "bo@acme.example"):
        with pytest.raises(OutsideMandate):
            await account.send(100, to=to, principal=child)
