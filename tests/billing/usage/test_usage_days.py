"""The sums of a day: of every kind of usage, also what a process of before wrote; and the list beside."""

import pytest

from billing.reports.usage_report import UsageWanted, usage_lines, usage_sums
from billing.usage.price_list import Tokens
from kernel.clock import DAY_US, FixedClock
from kernel.tenant import Tenant
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.prices import GPT, price
from tests.support.usage import capture, hold, use
from worker.money.chores import count_usage

DAY = 1_781_308_800_000_000  # 2026-06-13
WEEK = UsageWanted(since=DAY - 7 * DAY_US, until=DAY + 7 * DAY_US)
OF_BEFORE = """
    INSERT INTO oauth_charges (id, account_id, environment, app_id, grant_id, owner_id, order_no,
        amount_micros, remark, created_at)
    VALUES ('chg_0000000000000001', :account, 'staging', 'app_1', 'gnt_1', 'acc_2', 'o-1', 40, 'x',
        :at)"""


def told(sums: object) -> list[tuple[object, ...]]:
    assert isinstance(sums, list)
    return [
        (one.day_start_at or one.model or one.key_id or one.app_id, one.records, one.amount_micros)
        for one in sums
    ]


async def sums(account: FundedAccount, by: object, **narrowed: object) -> list[tuple[object, ...]]:
    wanted = UsageWanted(since=WEEK.since, until=WEEK.until, **narrowed)  # type: ignore[arg-type]
    return told(
        await account.database.read(
            lambda tx: usage_sums(tx, account.principal.tenant, wanted, by)  # type: ignore[arg-type]
        )
    )


async def mixed(database: Database, clock: FixedClock) -> FundedAccount:
    account = await open_funded_account(database, clock)
    await price(database, GPT)
    await use(account, 100, reference="plain")
    held = (await hold(account, 900, model="gpt-4o", ttl_s=86_400)).hold.id
    await hold(account, 50)
    clock.advance_s(80_000)
    await capture(account, held, 600)
    await use(account, None, model="gpt-4o", tokens=Tokens(1200, 300, 800), reference="tokens")
    await use(account, 1, principal=await account.mint())
    return account


async def test_every_kind_of_usage_is_in_the_sums_and_the_list(
    database: Database, clock: FixedClock
) -> None:
    account = await mixed(database, clock)
    tenant, key = account.principal.tenant, account.principal.key_id

    # The clock began at noon: 80,000 s later it is tomorrow. The hold counts on its own day.
    assert await sums(account, "day") == [(DAY + DAY_US, 2, 5001), (DAY, 2, 700)]
    assert await sums(account, "model") == [("gpt-4o", 2, 5600), (None, 2, 101)]
    assert (await sums(account, "key"))[0] == (key, 3, 5700)
    assert await sums(account, None, model="gpt-4o") == [(None, 2, 5600)]
    assert await sums(account, "day", key_id=key) == [(DAY + DAY_US, 1, 5000), (DAY, 2, 700)]

    lines = await database.read(lambda tx: usage_lines(tx, tenant, WEEK, limit=10))
    assert [(one.kind, one.amount_micros) for one in lines] == [
        ("usage", 1),
        ("usage", 5000),
        ("usage", 100),
        ("hold", 600),
    ]
    assert (lines[1].input_tokens, lines[1].cached_tokens) == (1200, 800)
    assert await account.findings() == []


async def test_the_list_goes_on_where_a_page_ended_whatever_narrows_it(
    database: Database, clock: FixedClock
) -> None:
    account = await mixed(database, clock)
    key = account.principal.key_id
    for wanted, expected in (
        (WEEK, [1, 5000, 100, 600]),
        (UsageWanted(model="gpt-4o"), [5000, 600]),
        (UsageWanted(key_id=key), [5000, 100, 600]),
        (UsageWanted(until=DAY + DAY_US), [100, 600]),
        (UsageWanted(reference="tokens"), [5000]),
        (UsageWanted(model="none"), []),
    ):
        seen, after = [], None
        while True:
            lines = await database.read(
                lambda tx, w=wanted, a=after: usage_lines(  # type: ignore[misc]
                    tx, account.principal.tenant, w, after=a, limit=1
                )
            )
            if not lines:
                break
            seen += [one.amount_micros for one in lines]
            after = lines[-1].place
        assert seen == expected, wanted


async def test_what_a_process_of_before_wrote_is_seen_at_once_and_counted_once(
    database: Database, clock: FixedClock
) -> None:
    account = await mixed(database, clock)
    whole = await sums(account, "day")

    async def forget(tx: Transaction) -> None:
        # As before the migration: no sums, and nothing that is marked.
        await tx.execute("DELETE FROM usage_days")
        await tx.execute("UPDATE usage_records SET counted_day = NULL")
        await tx.execute("UPDATE holds SET counted_day = NULL")

    await database.transaction(forget)

    assert await sums(account, "day") == whole
    assert await account.findings() == []
    await count_usage(database)
    await count_usage(database)
    assert await sums(account, "day") == whole
    assert await account.findings() == []
    rows = await database.read(lambda tx: tx.fetch("SELECT SUM(records) AS n FROM usage_days"))
    assert int(rows[0]["n"]) == 4


@pytest.mark.one_database
async def test_a_charge_of_an_app_is_in_the_same_list(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    tenant = Tenant(account.account_id, "staging")
    await database.transaction(
        lambda tx: tx.execute(OF_BEFORE, account=account.account_id, at=clock.now_us())
    )
    await count_usage(database)

    [line] = await database.read(lambda tx: usage_lines(tx, tenant, WEEK, limit=10))
    of_app = UsageWanted(key_id="app_1")
    [same] = await database.read(lambda tx: usage_lines(tx, tenant, of_app, limit=10))

    assert (line.kind, line.app_id, line.reference, line.amount_micros) == (
        "app",
        "app_1",
        "o-1",
        40,
    )
    assert same == line
    assert await sums(account, "key") == [("app_1", 1, 40)]
