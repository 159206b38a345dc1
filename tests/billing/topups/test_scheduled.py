"""A send with a time of its own: held until then, asked again, and sent once, whoever looks and when."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from billing.topups import settlement
from billing.topups.topup import load
from kernel.clock import FixedClock
from kernel.errors import DomainError, InvalidInput
from keys.account_access import suspend
from keys.api_keys import api_key
from keys.sandbox_clock import advance
from store.database import Database
from tests.support.funded_account import SLOW, FundedAccount, open_engine, open_funded_account
from tests.support.platform_book import same_everywhere
from worker.topups import Releaser

HOUR_S = 3600
DAY_S = 86_400
# What the account has at first, and what each send of the tests takes, in cents.
FUNDS, PRICE = 1_000_000, 1000


def at(account: FundedAccount, seconds: int) -> int:
    return account.clock.now_us() + seconds * 1_000_000


def releaser(account: FundedAccount) -> Releaser:
    return Releaser(account.database, account.clock, account.engine)


async def cents(account: FundedAccount) -> tuple[int, int]:
    """What the wallet has, and what is held."""
    found = await account.balance()
    return found["balance_cents"], found["held_cents"]


async def status_of(account: FundedAccount, topup_id: str) -> tuple[str, str | None]:
    found = (await account.database.read(lambda tx: load(tx, [topup_id])))[topup_id]
    return found.status, found.failure_reason


async def move_clock(account: FundedAccount, seconds: int) -> None:
    tenant = account.principal.tenant
    await account.database.transaction(lambda tx: advance(tx, tenant, advance_s=seconds))


async def revoke(account: FundedAccount) -> None:
    principal = account.principal
    await account.database.transaction(
        lambda tx: api_key.revoke(
            tx,
            principal.tenant,
            principal.credential_id,
            asker=None,
            now_us=account.clock.now_us(),
        )
    )


async def stop(account: FundedAccount) -> None:
    now_us = account.clock.now_us()
    await account.database.transaction(
        lambda tx: suspend(tx, account.account_id, "why", now_us=now_us)
    )


async def test_it_is_held_until_its_time_and_delivered_once_then(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(send_at=at(account, HOUR_S), reference="a")
    assert (sent.topup.status, sent.voucher_code) == ("scheduled", None)
    assert await cents(account) == (FUNDS - PRICE, PRICE)

    assert await releaser(account).sweep() == 0
    clock.advance_s(HOUR_S)
    engine = open_engine(database, clock, account.rules)
    other = Releaser(database, clock, engine)
    await asyncio.gather(releaser(account).sweep(), other.sweep())
    await releaser(account).sweep()

    assert await status_of(account, sent.topup.id) == ("delivered", None)
    assert await cents(account) == (FUNDS - PRICE, 0)
    assert await account.events() == ["topup.scheduled", "topup.delivered"]
    assert await account.findings() == []
    await engine.close()


@pytest.mark.one_database
@pytest.mark.parametrize("seconds", [-1, 0, 90 * DAY_S + 1])
async def test_a_time_that_is_over_or_too_far_names_its_field(
    database: Database, clock: FixedClock, seconds: int
) -> None:
    account = await open_funded_account(database, clock)

    with pytest.raises(InvalidInput) as refused:
        await account.send(send_at=at(account, seconds))

    assert refused.value.param == "send_at"


@pytest.mark.one_database
async def test_cancelled_before_its_time_it_gives_all_back(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=PRICE)
    sent = await account.send(send_at=at(account, HOUR_S))

    await account.cancel(sent.topup.id)

    assert await cents(account) == (FUNDS, 0)
    await account.send()  # the day's cap has its room again
    clock.advance_s(HOUR_S)
    assert await releaser(account).sweep() == 0
    assert await account.findings() == []


async def gone(account: FundedAccount) -> None:
    rules = replace(account.rules, platforms=same_everywhere([SLOW]))
    account.engine = open_engine(account.database, account.clock, rules)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (revoke, 'The API key "test" that made this send was revoked.'),
        (gone, "`platform` must be one of slow."),
        (
            stop,
            (
                "This account is suspended. It can read, but not spend or create anything. The operator of"
                " this gateway can resume it."
            ),
        ),
    ],
)
async def test_what_refuses_it_at_its_time_gives_all_back(
    database: Database, clock: FixedClock, meanwhile: Callable[..., Any], reason: str
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(send_at=at(account, HOUR_S))

    await meanwhile(account)
    clock.advance_s(HOUR_S)
    await releaser(account).sweep()

    assert await status_of(account, sent.topup.id) == (
        "failed",
        f"refused at its time: {reason}",
    )
    assert await cents(account) == (FUNDS, 0)
    assert await account.events() == ["topup.scheduled", "topup.failed"]
    assert await account.findings() == []


@pytest.mark.one_database
async def test_at_a_supplier_it_waits_from_its_time_on(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(send_at=at(account, HOUR_S), platform="slow")
    assert sent.topup.supplier is None

    clock.advance_s(HOUR_S)
    await releaser(account).sweep()

    waiting = (await database.read(lambda tx: load(tx, [sent.topup.id])))[sent.topup.id]
    assert (waiting.status, waiting.supplier) == ("pending", "slow")
    assert waiting.next_check_at == clock.now_us()
    assert await account.events() == ["topup.scheduled", "topup.pending"]


@pytest.mark.one_database
async def test_a_person_is_asked_when_it_is_accepted(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock, approval_threshold_cents=500)
    early = await account.send(send_at=at(account, HOUR_S))
    late = await account.send(send_at=at(account, HOUR_S))
    assert early.approval is not None
    assert late.approval is not None

    await account.decide(early.topup.id, early.approval.id, "approved")
    assert (await status_of(account, early.topup.id))[0] == "scheduled"
    clock.advance_s(HOUR_S)
    await releaser(account).sweep()
    await account.decide(late.topup.id, late.approval.id, "approved")

    assert (await status_of(account, early.topup.id))[0] == "delivered"
    assert (await status_of(account, late.topup.id))[0] == "delivered"
    assert await account.findings() == []


async def test_the_sandbox_clock_brings_its_time(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    plain = await account.send(send_at=at(account, DAY_S))
    failing = await account.send(send_at=at(account, DAY_S), to="failed@sandbox.test")
    waiting = await account.send(send_at=at(account, DAY_S), to="pending@sandbox.test")

    await move_clock(account, DAY_S)
    due_at = await database.read(settlement.next_scheduled_at)
    await releaser(account).sweep()

    assert due_at == clock.now_us()
    assert (await status_of(account, plain.topup.id))[0] == "delivered"
    assert (await status_of(account, failing.topup.id))[0] == "failed"
    assert (await status_of(account, waiting.topup.id))[0] == "pending"
    with pytest.raises(InvalidInput):
        await account.send(send_at=at(account, HOUR_S))  # over, by the account's own clock
    assert await account.findings() == []


_STEPS = strategies.lists(
    strategies.one_of(
        strategies.tuples(strategies.just("send"), strategies.integers(1, 6)),
        strategies.tuples(strategies.just("cancel"), strategies.integers(0, 5)),
        strategies.tuples(strategies.just("clock"), strategies.integers(1, 4)),
        strategies.tuples(strategies.just("sandbox"), strategies.integers(1, 4)),
        strategies.tuples(strategies.sampled_from(["work", "crash", "revoke"]), strategies.just(0)),
    ),
    max_size=12,
)


@pytest.mark.one_database
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS)
async def test_no_order_of_things_loses_or_doubles_money(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    clock = FixedClock(1_780_000_000_000_000)
    number = _number()
    account = await open_funded_account(database, clock, email=f"a{number}@example.com")
    sent: dict[str, str] = {}
    for step, count in steps:
        with contextlib.suppress(DomainError):
            await _take(account, step, count, sent)
    clock.advance_s(30 * HOUR_S)
    await asyncio.gather(releaser(account).sweep(), releaser(account).sweep())

    ends = Counter([(await status_of(account, topup_id))[0] for topup_id in sent.values()])
    assert not ends["scheduled"]
    # Each reference at most once, and what was not delivered is back.
    delivered = (await account.events()).count("topup.delivered")
    assert delivered == ends["delivered"]
    assert await cents(account) == (FUNDS - PRICE * ends["delivered"], 0)
    assert await account.findings() == []


async def _take(account: FundedAccount, step: str, count: int, sent: dict[str, str]) -> None:
    if step == "send":
        reference = f"r{count}"
        done = await account.send(send_at=at(account, count * HOUR_S), reference=reference)
        assert reference not in sent
        sent[reference] = done.topup.id
    elif step == "cancel" and sent:
        await account.cancel(list(sent.values())[count % len(sent)])
    elif step == "clock":
        account.clock.advance_s(count * HOUR_S)
    elif step == "sandbox":
        await move_clock(account, count * HOUR_S)
    elif step == "revoke":
        await revoke(account)
    elif step == "crash":
        sweep = asyncio.ensure_future(releaser(account).sweep())
        await asyncio.sleep(0)
        sweep.cancel()
        await asyncio.gather(sweep, return_exceptions=True)
    else:
        await asyncio.gather(releaser(account).sweep(), releaser(account).sweep())


def _number(counted: list[int] = []) -> int:  # noqa: B006 one count for all examples
    counted.append(0)
    return len(counted)
