"""A batch of usage: each record by itself, once, in order, in few statements; caps to the micro."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import integers, lists

from billing.engine.engine import Engine
from billing.ledger.ledger import InsufficientBalance
from billing.topups.topup import DuplicateReference
from billing.usage.price_list import Tokens, UnknownModel
from billing.usage.usage import Charged, UsageItem, UsedBatch, new_usage_batch
from kernel.clock import FixedClock
from kernel.errors import DomainError, InvalidInput
from keys.caps import CapExceeded
from keys.principal import CredentialEnded, Principal
from store.database import Database
from store.idempotency import StoredAnswer
from store.open import open_database
from tests.billing.engine.test_query_plans import Recording
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.prices import GPT, price
from tests.support.usage import balances, beside, spent_micros, use

OPENING = 10_000_000_000


def amount(micros: int, reference: str | None = None) -> UsageItem:
    return UsageItem("AI chat completion", None, reference, micros)


def tokens(model: str, reference: str, *counts: int) -> UsageItem:
    return UsageItem("AI usage", model, reference, None, Tokens(*counts))


async def charge(
    account: FundedAccount, *items: UsageItem | DomainError, principal: Principal | None = None
) -> UsedBatch:
    results: list[UsedBatch] = []

    def encode(result: UsedBatch) -> StoredAnswer:
        results.append(result)
        return StoredAnswer(200, b"")

    command = new_usage_batch(principal or account.principal, items)
    await account.engine.submit_long_once(command, None, encode)
    return results[-1]


def told(used: UsedBatch) -> list[object]:
    """Micros of what was charged, "again", or the refusal's class."""
    return [
        ("again" if one.is_repeated else one.record.amount_micros)
        if isinstance(one, Charged)
        else type(one)
        for one in used.verdicts
    ]


async def test_each_record_has_a_verdict_of_its_own(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    await price(database, GPT)
    await use(account, 7, reference="old")

    used = await charge(
        account,
        tokens("gpt-4o", "a", 1200, 300, 800),
        tokens("gpt-4o", "a", 1200, 300, 800),
        tokens("gpt-4o", "a", 1200, 301, 800),
        tokens("gpt-5", "b", 1, 1),
        InvalidInput("cannot be read", param="x"),
        amount(7, "old"),
        amount(8, "old"),
        amount(OPENING),
        amount(11),
    )

    assert told(used) == [
        5000,
        "again",
        DuplicateReference,
        UnknownModel,
        InvalidInput,
        "again",
        DuplicateReference,
        InsufficientBalance,
        11,
    ]
    assert used.balance_micros == OPENING - 7 - 5000 - 11
    first = used.verdicts[0]
    assert isinstance(first, Charged)
    assert first.record.price_version == 1
    assert await account.findings() == []


async def test_what_was_charged_keeps_its_price_and_answers_as_before(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await price(database, GPT)
    first = await charge(account, tokens("gpt-4o", "a", 1_000_000, 0))
    dearer = type(GPT)(model="gpt-4o", input_micros=5_000_000, output_micros=0)
    await price(database, dearer)

    again = await charge(
        account, tokens("gpt-4o", "a", 1_000_000, 0), tokens("gpt-4o", "b", 1_000_000, 0)
    )

    assert [told(first), told(again)] == [[2_500_000], ["again", 5_000_000]]
    kept = again.verdicts[0]
    assert isinstance(kept, Charged)
    assert (kept.record.amount_micros, kept.record.price_version) == (2_500_000, 1)


async def test_two_processes_with_the_same_batch_charge_it_once(
    database_url: str, clock: FixedClock
) -> None:
    database, other = open_database(database_url), open_database(database_url)
    account = await open_funded_account(database, clock)
    elsewhere = beside(account, other)
    items = [amount(10, f"r{number}") for number in range(50)]

    used = await asyncio.gather(
        *(charge(one, *items) for one in (account, elsewhere, account, elsewhere))
    )

    assert sorted(told(one).count(10) for one in used) == [0, 0, 0, 50]
    assert (await balances(account))["used"] == 500
    assert await account.findings() == []
    for each in (account, elsewhere):
        await each.engine.close()
        await each.database.close()


@pytest.mark.one_database
@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(lists(integers(1, 40_000), min_size=1, max_size=12), integers(1, 12))
async def test_a_cap_is_used_up_exactly(
    database: Database, clock: FixedClock, amounts: list[int], cents: int
) -> None:
    account = await open_funded_account(
        database, clock, email=f"{clock.now_us()}-{id(amounts)}@example.com", per_day_cents=cents
    )
    child = await account.mint(parent=account.principal)

    used = await charge(account, *map(amount, amounts), principal=child)

    left, expected = cents * 10_000, list[object]()
    for micros in amounts:
        expected.append(micros if micros <= left else CapExceeded)
        left -= micros if micros <= left else 0
    assert told(used) == expected
    spent = await spent_micros(account, account.principal)
    assert sum(spent.values()) == 2 * (cents * 10_000 - left)  # the day's and the month's


@pytest.mark.one_database
async def test_a_revoked_key_charges_nothing(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock, expires_at=clock.now_us() + 1)
    clock.advance_s(1)

    with pytest.raises(CredentialEnded):
        await charge(account, amount(1))

    assert (await balances(account)).get("used", 0) == 0


@pytest.mark.one_database
async def test_a_similar_name_is_told_once_in_a_batch(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await price(database, GPT)

    used = await charge(account, *(tokens(f"gpt-4o{n}", f"r{n}", 1, 1) for n in range(20)))

    refused = [one for one in used.verdicts if isinstance(one, UnknownModel)]
    assert [one.extra.get("did_you_mean") for one in refused] == ["gpt-4o"] + [None] * 19
    assert refused[1].detail.endswith("a similar name is told once in a batch")


async def test_a_thousand_records_take_the_statements_of_one(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await price(database, GPT)
    seen, pauses = list[int](), list[int]()
    for size in (1, 1000):
        recording = Recording(database)
        engine = account.engine = Engine(recording, clock, account.engine.rules)
        await charge(account, *(tokens("gpt-4o", f"{size}-{n}", 1, 1) for n in range(size)))
        seen.append(len(recording.said))
        pauses.append(len(recording.pauses))
        await engine.close()

    assert seen[1] <= seen[0]
    # The loop is never held for more than a tenth of them; one each before and after the answer is made.
    assert pauses == [2, 12]
    assert await account.findings() == []
