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
from keys.authenticator import CredentialEnded
from keys.caps import CapExceeded
from store.database import Database, Transaction
from store.open import open_database
from tests.billing.desk import open_desk
from tests.billing.test_plans import Recording
from tests.billing.using import balances, beside, grant, hold, spent_micros, use

DOLLAR = 1_000_000
OPENING = 10_000 * DOLLAR


async def test_a_charge_takes_micros_from_the_wallet(database: Database, clock: FixedClock) -> None:
    desk = await open_desk(database, clock)

    used = await use(desk, 1, model="gpt-4", reference="call-1")

    assert used.balance_micros == 9_999_999_999
    assert used.record == UsageRecord(
        id=used.record.id,
        account_id=desk.account_id,
        environment="staging",
        key_id=desk.principal.key_id,
        amount_micros=1,
        description="AI chat completion",
        model="gpt-4",
        reference="call-1",
        created_at=1_781_352_000_000_000,
    )
    assert (await balances(desk))["used"] == 1
    assert await desk.findings() == []


async def test_own_use_takes_promotional_credit_first_in_live_too(
    database: Database, clock: FixedClock
) -> None:
    desk = await open_desk(database, clock)
    live = await desk.in_live()
    await grant(desk, 5000, expires_at=None, scope=live.scope)

    used = await use(desk, 3000, principal=live)
    with pytest.raises(InsufficientBalance):
        await use(desk, 2001, principal=live)

    assert used.balance_micros == 2000
    assert await desk.findings() == []


async def test_a_reference_seen_before_names_the_first_record(
    database: Database, clock: FixedClock
) -> None:
    desk = await open_desk(database, clock)
    first = await use(desk, 1000, reference="call-1")

    with pytest.raises(DuplicateReference) as refusal:
        await use(desk, 5, reference="call-1")

    assert refusal.value.extra == {"usage_id": first.record.id}
    # In one batch with the first as well; the other environment is another world.
    outcomes = await asyncio.gather(
        *(use(desk, 1000, reference="call-2") for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(one, DuplicateReference) for one in outcomes) == 2
    live = await desk.in_live()
    await grant(desk, 5000, expires_at=None, scope=live.scope)
    await use(desk, 1000, reference="call-1", principal=live)
    assert await desk.findings() == []


async def test_the_same_key_is_charged_once_and_answered_in_the_same_bytes(
    database_url: str, clock: FixedClock
) -> None:
    database = open_database(database_url)
    desk = await open_desk(database, clock)
    await asyncio.gather(*(use(desk, 1000, key="k") for _ in range(20)))
    await desk.engine.close()
    await database.close()

    again = open_database(database_url)
    later = beside(desk, again)
    await use(later, 1000, key="k")

    assert len({answer.body for answer in [*desk.kept, *later.kept]}) == 1
    assert [answer.is_replay for answer in desk.kept].count(False) == 1
    assert later.kept[0].is_replay
    assert (await balances(later))["wallet"] == OPENING - 1000
    assert await later.findings() == []
    await later.engine.close()
    await again.close()


async def test_caps_of_the_key_and_its_parent_count(database: Database, clock: FixedClock) -> None:
    desk = await open_desk(database, clock, per_day_cents=100)
    child = await desk.mint(parent=desk.principal)
    await use(desk, 600_000, principal=child)

    with pytest.raises(CapExceeded) as refusal:
        await use(desk, 400_001, principal=child)
    await use(desk, 400_000)

    assert refusal.value.reason == "per_day"
    assert await spent_micros(desk, child) == {"day 20617": 600_000, "month 20605": 600_000}
    assert await spent_micros(desk, desk.principal) == {
        "day 20617": 1_000_000,
        "month 20605": 1_000_000,
    }


async def test_a_revoked_key_charges_nothing(database: Database, clock: FixedClock) -> None:
    desk = await open_desk(database, clock)

    async def revoke(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE api_keys SET revoked_at = 1 WHERE id = :id", id=desk.principal.key_id
        )

    await database.transaction(revoke)

    with pytest.raises(CredentialEnded):
        await use(desk, 1000)
    with pytest.raises(CredentialEnded):
        await hold(desk, 1000)


async def test_a_charge_below_the_threshold_tells_of_the_low_balance(
    database: Database, clock: FixedClock
) -> None:
    desk = await open_desk(database, clock)

    async def set_threshold(tx: Transaction) -> None:
        await tx.execute(
            """UPDATE account_environments SET low_balance_threshold_micros = :micros
               WHERE account_id = :id""",
            micros=OPENING - 5,
            id=desk.account_id,
        )

    await database.transaction(set_threshold)

    await use(desk, 5)
    assert await desk.events() == []
    await hold(desk, 1)
    await use(desk, 1)

    assert await desk.events() == ["balance.low"]


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
    desk = await open_desk(database, clock, per_day_cents=10**9)

    async def statements(count: int) -> int:
        before = database.statements_run
        names = [f"{count}-{number}" for number in range(count)]
        charges = [use(desk, 10, key=f"u{name}", reference=name) for name in names]
        reserved = [hold(desk, 10, key=f"h{name}", reference=name) for name in names]
        await asyncio.gather(*charges, *reserved)
        return database.statements_run - before

    await statements(1)
    few = await statements(2)

    assert await statements(100) == few
    assert await desk.findings() == []


async def test_a_batch_of_sends_alone_asks_for_no_usage(
    database: Database, clock: FixedClock
) -> None:
    desk = await open_desk(database, clock)
    recording = Recording(database)
    desk.engine = Engine(recording, clock, desk.engine.rules)

    await desk.send(100)
    sent = " ".join(text for text, _ in recording.said)
    await hold(desk, 100, reference="call-1")
    await desk.engine.close()

    assert "ledger_accounts" in sent
    assert "holds" not in sent
    assert "usage_records" not in sent
    assert "holds" in " ".join(text for text, _ in recording.said)


async def test_two_tills_never_overspend(database_url: str, clock: FixedClock) -> None:
    one, other = open_database(database_url), open_database(database_url)
    desk = await open_desk(one, clock)
    second = beside(desk, other)

    outcomes = await asyncio.gather(
        *(
            act(at, 100 * DOLLAR)
            for number in range(100)
            for at in (desk, second)
            for act in ((use, hold)[number % 2],)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, InsufficientBalance) for outcome in outcomes) == 100
    found = await balances(desk)
    assert found["wallet"] == 0
    assert found["used"] + found["held"] == OPENING
    assert await desk.findings() == []
    for at in (desk, second):
        await at.engine.close()
        await at.database.close()


async def test_what_a_key_charged_is_noted_with_it(database: Database, clock: FixedClock) -> None:
    desk = await open_desk(database, clock)
    used = await use(desk, 10)

    assert used.record.key_id == desk.principal.key_id
