"""Accounts, their lock, and what keeps a sandbox account alive."""

import asyncio
from collections.abc import Sequence

import pytest

from kernel.clock import DAY_US, FixedClock
from kernel.errors import InvalidInput, NotFound
from kernel.ids import AccountId
from kernel.tenant import Tenant
from keys import account
from keys.account import NOTHING, BalanceWatch, set_low_balance_thresholds
from keys.principal import Environment
from store.database import Database, Transaction

NOW = 1_781_352_000_000_000


async def an_account(
    database: Database,
    *,
    name: str = "Shop",
    email: str | None = None,
    is_sandbox: bool = False,
    is_operator: bool = False,
    environments: Sequence[Environment] = ("staging", "live"),
    now_us: int = NOW,
) -> AccountId:
    return await database.transaction(
        lambda tx: account.create_account(
            tx,
            name=name,
            email=email,
            environments=environments,
            is_sandbox=is_sandbox,
            is_operator=is_operator,
            now_us=now_us,
        )
    )


async def environments_of(database: Database, account_id: str) -> list[str]:
    async def work(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            "SELECT environment FROM account_environments WHERE account_id = :id ORDER BY 1",
            id=account_id,
        )
        return [row["environment"] for row in rows]

    return await database.read(work)


async def test_an_account_lives_in_both_environments(database: Database) -> None:
    account_id = await an_account(database, name=" Shop ", email=" Owner@Example.COM ")

    found = await database.read(lambda tx: account.get_account(tx, account_id))

    assert found == account.Account(
        id=account_id,
        name="Shop",
        email="owner@example.com",
        password_hash=None,
        is_operator=False,
        is_sandbox=False,
        live_opened_at=NOW,
        live_closed_at=None,
        email_verified_at=None,
        suspended_at=None,
        suspended_for=None,
        time_zone="UTC",
        created_at=NOW,
        last_active_at=NOW,
        staging_full_until=None,
    )
    assert await environments_of(database, account_id) == ["live", "staging"]


async def test_a_sandbox_account_lives_in_staging_only(database: Database) -> None:
    account_id = await an_account(database, is_sandbox=True)

    assert await environments_of(database, account_id) == ["staging"]


async def test_an_unknown_account_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="Account not found"):
        await database.read(lambda tx: account.get_account(tx, "acc_none"))


async def test_one_address_belongs_to_one_account(database: Database) -> None:
    account_id = await an_account(database, email="owner@example.com")

    with pytest.raises(account.EmailTaken):
        await an_account(database, email="OWNER@example.com")

    found = await database.read(lambda tx: account.find_by_email(tx, " Owner@EXAMPLE.com"))
    assert found is not None
    assert found.id == account_id
    assert await database.read(lambda tx: account.find_by_email(tx, "x@example.com")) is None


async def test_accounts_may_have_no_address(database: Database) -> None:
    assert await an_account(database) != await an_account(database)


async def test_a_malformed_address_names_its_own_field(database: Database) -> None:
    with pytest.raises(account.InvalidEmail) as refused:
        await an_account(database, email="owner")

    assert refused.value.param == "email"


async def test_accounts_are_listed_newest_first_by_pages(database: Database) -> None:
    ids = [await an_account(database) for _ in range(3)]

    page = await database.read(lambda tx: account.list_accounts(tx, limit=2))
    rest = await database.read(lambda tx: account.list_accounts(tx, before_id=page[-1].id, limit=2))

    assert [each.id for each in page] == [ids[2], ids[1]]
    assert [each.id for each in rest] == [ids[0]]


async def test_a_password_hash_is_kept_and_taken_away(database: Database) -> None:
    account_id = await an_account(database)

    await database.transaction(lambda tx: account.set_password_hash(tx, account_id, "$argon2id$x"))
    kept = await database.read(lambda tx: account.get_account(tx, account_id))
    await database.transaction(lambda tx: account.set_password_hash(tx, account_id, None))
    taken = await database.read(lambda tx: account.get_account(tx, account_id))

    assert (kept.password_hash, taken.password_hash) == ("$argon2id$x", None)
    with pytest.raises(NotFound):
        await database.transaction(lambda tx: account.set_password_hash(tx, "acc_none", "x"))


async def test_an_account_is_marked_as_operator_but_a_sandbox_never(database: Database) -> None:
    account_id = await an_account(database)
    sandbox_id = await an_account(database, is_sandbox=True)

    await database.transaction(lambda tx: account.set_operator(tx, account_id, is_operator=True))

    assert (await database.read(lambda tx: account.get_account(tx, account_id))).is_operator
    with pytest.raises(InvalidInput):
        await database.transaction(
            lambda tx: account.set_operator(tx, sandbox_id, is_operator=True)
        )


async def test_the_lock_answers_with_the_thresholds_of_what_exists(database: Database) -> None:
    account_id = await an_account(database)
    scope = Tenant(account_id, "live")
    await database.transaction(lambda tx: set_low_balance_thresholds(tx, scope, [70_000]))

    locked = await database.transaction(
        lambda tx: account.lock_tenants(
            tx, [scope, Tenant(account_id, "staging"), scope, Tenant("acc_none", "live")]
        )
    )

    assert locked.watches == {Tenant(account_id, "live"): BalanceWatch((70_000,))}
    assert locked.event_numbers == {Tenant(account_id, "live"): 0, Tenant(account_id, "staging"): 0}
    nothing = await database.transaction(lambda tx: account.lock_tenants(tx, []))
    assert nothing == account.Standings({}, {}, {}, {}, {}, ())


async def test_transactions_that_lock_in_any_order_take_turns(database: Database) -> None:
    tenants = [Tenant(await an_account(database), "live") for _ in range(4)]

    async def add_one(tx: Transaction, order: Sequence[Tenant]) -> None:
        locked = (await account.lock_tenants(tx, order)).watches
        for tenant in order:
            held = sum(locked.get(tenant, NOTHING).thresholds)
            await set_low_balance_thresholds(tx, tenant, [held + 1])

    await asyncio.gather(
        *(
            database.transaction(
                lambda tx, turn=turn: add_one(tx, tenants[turn % 4 :] + tenants[: turn % 4])  # type: ignore[misc]
            )
            for turn in range(20)
        )
    )

    # Each saw the one before: what the lock answers is read after the wait.
    locked = await database.transaction(lambda tx: account.lock_tenants(tx, tenants))
    assert list(locked.watches.values()) == [BalanceWatch((20,))] * 4


async def test_locking_is_one_statement_for_any_number(database: Database) -> None:
    tenants = [Tenant(await an_account(database), "live") for _ in range(5)]

    before = database.statements_run
    await database.transaction(lambda tx: account.lock_tenants(tx, tenants[:1]))
    one = database.statements_run - before
    await database.transaction(lambda tx: account.lock_tenants(tx, tenants))
    five = database.statements_run - before - one

    assert one == five


@pytest.mark.parametrize("threshold", [-1, 2**63])
async def test_a_threshold_outside_the_column_is_refused(
    database: Database, threshold: int
) -> None:
    account_id = await an_account(database)

    with pytest.raises(InvalidInput):
        await database.transaction(
            lambda tx: set_low_balance_thresholds(tx, Tenant(account_id, "live"), [threshold])
        )
    with pytest.raises(NotFound):
        await database.transaction(
            lambda tx: set_low_balance_thresholds(tx, Tenant("acc_none", "live"), [])
        )


async def test_use_is_noted_once_a_day(database: Database, clock: FixedClock) -> None:
    account_id = await an_account(database, now_us=clock.now_us())

    async def touch() -> int:
        ids = [account_id, "acc_none"]
        return await database.transaction(
            lambda tx: account.touch_active(tx, ids, now_us=clock.now_us())
        )

    clock.advance_s(86_399)
    assert await touch() == 0
    clock.advance_s(1)
    assert await touch() == 1
    assert await touch() == 0
    found = await database.read(lambda tx: account.get_account(tx, account_id))
    assert found.last_active_at == clock.now_us()
    assert await database.transaction(lambda tx: account.touch_active(tx, [], now_us=NOW)) == 0


async def test_a_sandbox_is_idle_after_seven_days_without_use(database: Database) -> None:
    sandbox_id = await an_account(database, is_sandbox=True, now_us=NOW)
    await an_account(database, now_us=NOW - 90 * DAY_US)
    # The stamp may be a day behind the last use, so it counts from the eighth day.
    edge = NOW + 8 * DAY_US

    at_edge = await database.read(lambda tx: account.idle_sandboxes(tx, now_us=edge, limit=9))
    after = await database.read(lambda tx: account.idle_sandboxes(tx, now_us=edge + 1, limit=9))

    assert at_edge == []
    assert [account_id for _, account_id in after] == [sandbox_id]
