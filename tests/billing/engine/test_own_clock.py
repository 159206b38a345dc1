"""What the sandbox clock moves, it moves for every limit of a key and of the account, and for a key's end."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from billing.topups.reverse import Reverse
from billing.usage.hold import ReleaseHold, new_hold
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import DomainError
from kernel.ids import new_id
from keys.account import lock_tenants, set_day_limit
from keys.mandate import SpendWindow
from keys.principal import Principal
from keys.sandbox_clock import advance
from store.database import Database, Transaction
from tests.billing.engine.test_mandates import standing
from tests.support.funded_account import FundedAccount, open_funded_account

MICROS = 10_000
HALF_A_DAY = 43_200
DAY = 86_400
TO_JULY = 17 * DAY + HALF_A_DAY
HOUR_AND_BUCKET = 3_600 + 62
# limit of the key: (seconds by which it has not ended, by which it has; what it says).
ENDS_BY_TIME: dict[str, tuple[Any, int, int, str]] = {
    "per_day_cents": (1000, HALF_A_DAY - 1, HALF_A_DAY, "per_day"),
    "per_month_cents": (1000, TO_JULY - 1, TO_JULY, "per_month"),
    "windows": ([SpendWindow(3600, 1000)], 3_600, HOUR_AND_BUCKET, "window"),
    "per_recipient_per_day_cents": (
        1000,
        HALF_A_DAY - 1,
        HALF_A_DAY,
        "per_recipient_per_day",
    ),
    "max_sends_per_hour": (1, 3_600, HOUR_AND_BUCKET, "sends_per_hour"),
    "repeat_guard_s": (600, 599, 600, "looks_repeated"),
    "approval_above_per_day_cents": (1000, HALF_A_DAY - 1, HALF_A_DAY, "pending"),
}
NOON = "2026-06-13T12:00:00Z"


def noon() -> FixedClock:
    return FixedClock(parse_rfc3339(NOON))


async def opened(database: Database, **fields: Any) -> FundedAccount:
    return await open_funded_account(
        database, noon(), email=f"{new_id('acc')}@example.com", **fields
    )


async def move(account: FundedAccount, seconds: int) -> None:
    await account.database.transaction(
        lambda tx: advance(tx, account.principal.tenant, advance_s=seconds)
    )


async def outcome(account: FundedAccount, cents: int = 1000, who: Principal | None = None) -> str:
    """The top-up's status, or the refusal's reason or else its name."""
    try:
        return (await account.send(cents, principal=who)).topup.status
    except DomainError as refused:
        return refused.reason or type(refused).__name__


async def limit_the_day(account: FundedAccount, cents: int) -> None:
    async def work(tx: Transaction) -> None:
        await lock_tenants(tx, [account.principal.tenant])
        await set_day_limit(tx, account.principal.tenant, cents)

    await account.database.transaction(work)


async def test_each_limit_ends_by_the_accounts_own_clock(database: Database) -> None:
    seen: dict[str, tuple[str, ...]] = {}
    for name, (limit, too_few, enough, _) in ENDS_BY_TIME.items():
        account = await opened(database, **{name: limit})
        # Of a child, too: what its parent has is the account's time as well.
        child = await account.mint(parent=account.principal)
        steps = [await outcome(account), await outcome(account)]
        await move(account, too_few)
        steps.append(await outcome(account, who=child))
        await move(account, enough - too_few)
        seen[name] = (*steps, await outcome(account, who=child))
    account = await opened(database)
    await limit_the_day(account, 1000)
    steps = [await outcome(account), await outcome(account)]
    await move(account, HALF_A_DAY)
    seen["account"] = (*steps, "account_per_day", await outcome(account))

    assert seen == {
        **{
            name: ("delivered", says, says, "delivered")
            for name, (_, _, _, says) in ENDS_BY_TIME.items()
        },
        "account": ("delivered", "account_per_day", "account_per_day", "delivered"),
    }


async def test_a_key_ends_by_its_accounts_own_clock_and_no_other_accounts(
    database: Database,
) -> None:
    ends_at = parse_rfc3339("2026-06-14T00:00:00Z")
    account, other = [
        await opened(database, expires_at=ends_at, per_day_cents=1000) for _ in range(2)
    ]
    child = await account.mint(parent=account.principal)
    await outcome(account, 400)
    await outcome(other, 400)

    await move(account, HALF_A_DAY - 1)
    before = [await outcome(account, 100), await outcome(account, 100, child)]
    await move(account, 1)

    assert before == ["delivered", "delivered"]
    assert [await outcome(account, 100), await outcome(account, 100, child)] == ["expired"] * 2
    assert [await outcome(other, 700), await outcome(other, 600)] == ["per_day", "delivered"]


async def test_live_knows_no_moved_clock(database: Database) -> None:
    account = await opened(database)
    live = await account.mint(
        environment="live", per_day_cents=1000, expires_at=account.clock.now_us() + DAY * 10**6
    )
    await move(account, 30 * DAY)

    found = await standing(account, live)

    assert found.limits[0].resets_at == parse_rfc3339("2026-06-14T00:00:00Z")
    # An empty wallet; the key works.
    assert await outcome(account, 100, live) == "InsufficientBalance"


async def test_what_is_shown_and_told_is_the_accounts_time(database: Database) -> None:
    account = await opened(
        database, per_day_cents=1000, per_month_cents=5000, windows=[SpendWindow(DAY, 3000)]
    )
    await account.send(1000)
    await move(account, TO_JULY)

    fresh = await standing(account)
    balance = await account.balance()
    await account.send(1000)
    with pytest.raises(DomainError) as refused:
        await account.send(100)

    assert {one.cap: (one.spent, one.resets_at) for one in fresh.limits} == {
        "per_day": (0, parse_rfc3339("2026-07-02T00:00:00Z")),
        "per_month": (0, parse_rfc3339("2026-08-01T00:00:00Z")),
        "window": (0, parse_rfc3339("2026-07-01T00:00:00Z")),
    }
    assert fresh.max_now_cents == 1000
    assert [(one["spent_cents"], one["resets_at"]) for one in balance["key"]["windows"]] == [
        (0, "2026-07-02T00:00:00Z"),
        (0, "2026-08-01T00:00:00Z"),
    ]
    assert refused.value.extra["resets_at"] == "2026-07-02T00:00:00Z"
    assert refused.value.retry_after_s == DAY
    assert refused.value.extra["max_now_cents"] == 0
    # Each day of the account is told anew.
    told = [one for one in await account.events() if one.startswith("key.cap")]
    assert told == ["key.cap_near", "key.cap_reached"] * 2


async def _cancelled(account: FundedAccount) -> Callable[[], Awaitable[object]]:
    sent = await account.send(1000, platform="slow")
    return lambda: account.cancel(sent.topup.id)


async def _failed(account: FundedAccount) -> Callable[[], Awaitable[object]]:
    sent = await account.send(1000, platform="slow")
    return lambda: account.settle(sent.topup.id, "failed")


async def _reversed(account: FundedAccount) -> Callable[[], Awaitable[object]]:
    sent = await account.send(1000)
    return lambda: account.run(Reverse(sent.topup.id, account.principal.tenant, "by mistake"))


async def _released(account: FundedAccount) -> Callable[[], Awaitable[object]]:
    held = await account.run(
        new_hold(account.principal, amount_micros=1000 * MICROS, ttl_s=2 * DAY, description="")
    )
    return lambda: account.run(ReleaseHold(held.hold.id, account.principal.tenant))


@pytest.mark.parametrize("spend", [_cancelled, _failed, _reversed, _released])
async def test_what_comes_back_comes_back_to_when_it_was_spent(
    database: Database, spend: Callable[[FundedAccount], Awaitable[Any]]
) -> None:
    limits: dict[str, Any] = {
        "per_day_cents": 1000,
        "per_month_cents": 4000,
        "windows": [SpendWindow(3600, 1000)],
        "approval_above_per_day_cents": 1000,
    }
    if spend is not _released:
        limits["per_recipient_per_day_cents"] = 1000
    account = await opened(database, **limits)
    await limit_the_day(account, 1000)

    at_first = await spend(account)
    await move(account, DAY)
    given_back_on_its_day = await spend(account)
    full = await outcome(account, 100)
    await given_back_on_its_day()
    again = await outcome(account)
    # What the day before spent is no room of today.
    await at_first()
    still_full = await outcome(account, 100)
    month = (await standing(account)).limits[1]

    assert (full, again, still_full) == ("per_day", "delivered", "per_day")
    assert (month.cap, month.spent) == ("per_month", 1000)
    assert await account.findings() == []
