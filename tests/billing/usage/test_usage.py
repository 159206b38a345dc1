"""Usage is charged once, from promotional credit first, within caps and balance."""

import asyncio

import pytest

from billing.engine.engine import Engine
from billing.ledger.ledger import InsufficientBalance
from billing.topups.send import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from billing.usage.usage import UsageRecord, amount_of
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from keys.caps import CapExceeded
from keys.principal import CredentialEnded
from store.database import Database, Transaction
from store.open import open_database
from tests.billing.engine.test_query_plans import Recording
from tests.support.funded_account import open_funded_account
from tests.support.usage import balances, beside, grant, hold, spent_micros, use

DOLLAR = 1_000_000
OPENING = 10_000 * DOLLAR


async def test_a_charge_takes_micros_from_the_wallet(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)

    used = await use(account, 1, model="gpt-4", reference="call-1")

    assert used.balance_micros == 9_999_999_999
    assert used.record == UsageRecord(
        id=used.record.id,
        account_id=account.account_id,
        environment="staging",
        key_id=account.principal.key_id,
        amount_micros=1,
        description="AI chat completion",
        model="gpt-4",
        reference="call-1",
        created_at=1_781_352_000_000_000,
        counted_day=1_781_308_800_000_000,
    )
    assert (await balances(account))["used"] == 1
    assert await account.findings() == []


async def test_own_use_takes_promotional_credit_first_in_live_too(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    await grant(account, 5000, expires_at=None, tenant=live.tenant)

    used = await use(account, 3000, principal=live)
    with pytest.raises(InsufficientBalance):
        await use(account, 2001, principal=live)

    assert used.balance_micros == 2000
    assert await account.findings() == []


async def test_a_repeated_reference_is_the_same_charge_and_with_other_words_refused(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    first = await use(account, 1000, reference="call-1")

    with pytest.raises(DuplicateReference) as refusal:
        await use(account, 5, reference="call-1")

    assert refusal.value.extra == {"usage_id": first.record.id}
    again = await use(account, 1000, reference="call-1")
    assert (again.record, again.is_repeated) == (first.record, True)
    # In one batch with the first as well; the other environment is another world.
    used = await asyncio.gather(*(use(account, 1000, reference="call-2") for _ in range(3)))
    assert sorted(one.is_repeated for one in used) == [False, True, True]
    assert len({one.record.id for one in used}) == 1
    assert (await balances(account))["used"] == 2000
    live = await account.in_live()
    await grant(account, 5000, expires_at=None, tenant=live.tenant)
    await use(account, 1000, reference="call-1", principal=live)
    assert await account.findings() == []


async def test_the_same_key_is_charged_once_and_answered_in_the_same_bytes(
    database_url: str, clock: FixedClock
) -> None:
    database = open_database(database_url)
    account = await open_funded_account(database, clock)
    await asyncio.gather(*(use(account, 1000, key="k") for _ in range(20)))
    await account.engine.close()
    await database.close()

    again = open_database(database_url)
    later = beside(account, again)
    await use(later, 1000, key="k")

    assert len({answer.body for answer in [*account.kept, *later.kept]}) == 1
    assert [answer.is_replay for answer in account.kept].count(False) == 1
    assert later.kept[0].is_replay
    assert (await balances(later))["wallet"] == OPENING - 1000
    assert await later.findings() == []
    await later.engine.close()
    await again.close()


async def test_caps_of_the_key_and_its_parent_count(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock, per_day_cents=100)
    child = await account.mint(parent=account.principal)
    await use(account, 600_000, principal=child)

    with pytest.raises(CapExceeded) as refusal:
        await use(account, 400_001, principal=child)
    await use(account, 400_000)

    assert refusal.value.reason == "per_day"
    assert await spent_micros(account, child) == {"day 20617": 600_000, "month 20605": 600_000}
    assert await spent_micros(account, account.principal) == {
        "day 20617": 1_000_000,
        "month 20605": 1_000_000,
    }


async def test_a_revoked_key_charges_nothing(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)

    async def revoke(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE api_keys SET revoked_at = 1 WHERE id = :id", id=account.principal.key_id
        )

    await database.transaction(revoke)

    with pytest.raises(CredentialEnded):
        await use(account, 1000)
    with pytest.raises(CredentialEnded):
        await hold(account, 1000)


async def test_a_charge_below_the_threshold_tells_of_the_low_balance(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    async def set_threshold(tx: Transaction) -> None:
        await tx.execute(
            """UPDATE account_environments SET low_balance_threshold_micros = :micros
               WHERE account_id = :id""",
            micros=OPENING - 5,
            id=account.account_id,
        )

    await database.transaction(set_threshold)

    await use(account, 5)
    assert await account.events() == []
    await hold(account, 1)
    await use(account, 1)

    assert await account.events() == ["balance.low"]


@pytest.mark.parametrize(
    ("credit_count", "micros", "expected"),
    [(1, None, 1000), (None, 1, 1), (10**12, None, 10**15), (None, 10**15, 10**15)],
)
def test_an_amount_is_in_credits_or_in_micros(
    credit_count: int | None, micros: int | None, expected: int
) -> None:
    assert amount_of(credit_count, micros) == expected


@pytest.mark.parametrize(
    ("credit_count", "micros", "kind"),
    [
        (None, None, InvalidInput),
        (1, 1000, InvalidInput),
        (0, None, AmountOutOfRange),
        (None, 0, AmountOutOfRange),
        (-1, None, AmountOutOfRange),
        (None, -(2**63), AmountOutOfRange),
        (10**12 + 1, None, AmountOutOfRange),
        (None, 2**63 - 1, AmountOutOfRange),
    ],
)
def test_other_amounts_are_refused(
    credit_count: int | None, micros: int | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        amount_of(credit_count, micros)


async def test_statements_do_not_grow_with_the_batch(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock, per_day_cents=10**9)

    async def statements(count: int) -> int:
        before = database.statements_run
        names = [f"{count}-{number}" for number in range(count)]
        charges = [use(account, 10, key=f"u{name}", reference=name) for name in names]
        reserved = [hold(account, 10, key=f"h{name}", reference=name) for name in names]
        await asyncio.gather(*charges, *reserved)
        return database.statements_run - before

    await statements(1)
    few = await statements(2)

    assert await statements(100) == few
    assert await account.findings() == []


async def test_a_batch_of_sends_alone_asks_for_no_usage(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    recording = Recording(database)
    account.engine = Engine(recording, clock, account.engine.rules)

    await account.send(100)
    sent = " ".join(text for text, _ in recording.said)
    await hold(account, 100, reference="call-1")
    await account.engine.close()

    assert "ledger_accounts" in sent
    assert "holds" not in sent
    assert "usage_records" not in sent
    assert "holds" in " ".join(text for text, _ in recording.said)


async def test_two_tills_never_overspend(database_url: str, clock: FixedClock) -> None:
    one, other = open_database(database_url), open_database(database_url)
    account = await open_funded_account(one, clock)
    second = beside(account, other)

    outcomes = await asyncio.gather(
        *(
            act(at, 100 * DOLLAR)
            for number in range(100)
            for at in (account, second)
            for act in ((use, hold)[number % 2],)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, InsufficientBalance) for outcome in outcomes) == 100
    found = await balances(account)
    assert found["wallet"] == 0
    assert found["used"] + found["held"] == OPENING
    assert await account.findings() == []
    for at in (account, second):
        await at.engine.close()
        await at.database.close()


async def test_what_a_key_charged_is_noted_with_it(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    used = await use(account, 10)

    assert used.record.key_id == account.principal.key_id
