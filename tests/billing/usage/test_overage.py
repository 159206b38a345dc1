"""A capture above what a hold set aside: refused, cut off, or charged and owed; and holds that last."""

import pytest

from billing.engine.engine import Engine
from billing.ledger.ledger import InsufficientBalance
from billing.topups.send import AmountOutOfRange
from billing.usage.hold import ExtendHold, Held, HoldEnded
from billing.usage.price_list import Tokens
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from keys.caps import CapExceeded
from store.database import Database
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.prices import GPT, price
from tests.support.usage import balances, capture, check_in, grant, hold, sweep, use

OPENING = 10_000_000_000


async def extend(account: FundedAccount, hold_id: str, ttl_s: int) -> Held:
    return await account.engine.submit(ExtendHold(hold_id, account.principal.tenant, ttl_s))


async def live_with(account: FundedAccount, micros: int, **fields: object) -> FundedAccount:
    """The account in live, where it has so much promotional credit and nothing else."""
    live = await account.mint(environment="live", **fields)
    await grant(account, micros, expires_at=None, tenant=live.tenant)
    return FundedAccount(account.database, account.clock, account.engine, account.account_id, live)


async def test_what_a_hold_says_of_more_is_what_happens(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    plain = (await hold(account, 1000)).hold.id
    cut = (await hold(account, 1000, overage="cap")).hold.id
    owing = (await hold(account, 1000, overage="owe")).hold.id

    with pytest.raises(AmountOutOfRange):
        await capture(account, plain, 1001)
    capped = await capture(account, cut, 1500)
    more = await capture(account, owing, 1500)

    assert (capped.hold.captured_micros, capped.hold.overage_micros) == (1000, 0)
    assert (more.hold.captured_micros, more.hold.overage_micros) == (1000, 500)
    assert more.balance_micros == OPENING - 1000 - 1000 - 1500
    assert (await balances(account))["used"] == 2500
    assert await account.findings() == []


async def test_what_the_wallet_lacks_is_owed_and_stops_spending_until_it_is_paid(
    database: Database, clock: FixedClock
) -> None:
    account = await live_with(await open_funded_account(database, clock), 1300)
    held = (await hold(account, 1000, overage="owe")).hold.id

    await capture(account, held, 2000)

    found = await balances(account, account.principal)
    assert (found["grant"], found["used"], found["owed"]) == (0, 2000, 700)
    with pytest.raises(InsufficientBalance) as refused:
        await use(account, 1)
    assert refused.value.reason == "owed"
    assert await account.findings() == []


async def test_a_check_in_pays_what_is_owed_first(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    whole = (await hold(account, OPENING, overage="owe")).hold.id
    await capture(account, whole, OPENING + 700)
    assert (await balances(account))["owed"] == 700

    checked_in = await check_in(account)

    awarded = checked_in.checkin.awarded_micros
    assert awarded > 700
    assert checked_in.balance_micros == awarded - 700
    assert (await balances(account))["owed"] == 0
    await use(account, 1)
    assert await account.findings() == []


async def test_more_than_a_hold_counts_on_the_caps_and_has_a_bound(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=1)  # 10,000 micros
    held = (await hold(account, 1000, overage="owe")).hold.id

    with pytest.raises(AmountOutOfRange) as beyond:
        await capture(account, held, 10_001)
    await use(account, 1)
    with pytest.raises(CapExceeded):
        await capture(account, held, 10_000)
    captured = await capture(account, held, 9999)

    assert beyond.value.extra["max_micros"] == 10_000
    assert captured.hold.overage_micros == 8999
    with pytest.raises(CapExceeded):
        await use(account, 1)
    assert await account.findings() == []


async def test_a_hold_is_captured_by_tokens(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    await price(database, GPT)
    held = (await hold(account, 6000, model="gpt-4o")).hold.id
    nameless = (await hold(account, 6000)).hold.id

    captured = await capture(account, held, tokens=Tokens(1200, 300, 800))
    with pytest.raises(InvalidInput):
        await capture(account, nameless, tokens=Tokens(1, 1))

    one = captured.hold
    assert (one.captured_micros, one.input_tokens, one.price_version) == (5000, 1200, 1)
    assert captured.balance_micros == OPENING - 5000 - 6000
    assert await account.findings() == []


async def test_an_extended_hold_outlives_its_first_time_and_never_ends_earlier(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = (await hold(account, 1000, ttl_s=60)).hold

    sooner = await extend(account, held.id, 30)
    later = await extend(account, held.id, 120)
    clock.advance_s(119)
    swept = await sweep(account)
    open_still = await extend(account, held.id, 1)
    clock.advance_s(1)

    assert sooner.hold.expires_at == held.expires_at
    assert later.hold.expires_at == held.created_at + 120_000_000 == open_still.hold.expires_at
    assert swept == 0
    with pytest.raises(HoldEnded):
        await extend(account, held.id, 60)
    assert await sweep(account) == 1
    assert (await balances(account))["wallet"] == OPENING


@pytest.mark.one_database
async def test_a_hold_is_not_extended_for_ever(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    held = (await hold(account, 1000, ttl_s=86_400)).hold
    for _ in range(31):
        await extend(account, held.id, 86_400)
        clock.advance_s(86_399)

    with pytest.raises(InvalidInput):
        await extend(account, held.id, 86_400)


async def test_another_process_finds_what_was_captured(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    held = (await hold(account, 1000, overage="owe")).hold.id
    await capture(account, held, 1500, key="k")

    account.engine = Engine(database, clock, account.engine.rules)
    await capture(account, held, 1500, key="k")

    assert account.kept[0].body == account.kept[1].body
    assert (await balances(account))["used"] == 1500
    await account.engine.close()
