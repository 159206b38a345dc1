"""A redemption code is used as often as it says, by each account once, and cannot be guessed."""

import asyncio
import contextlib
import re
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from billing.credits.redemption_code import (
    RedemptionCode,
    RedemptionCodes,
    disable_batch,
    disable_code,
    is_code,
    list_codes,
    new_code,
)
from billing.engine.engine import Engine
from billing.ledger.ledger import Code, Ledger, LedgerAccountKind
from billing.topups.rules import NotRedeemable
from kernel.clock import DAY_US, SECOND_US, FixedClock
from store.database import Database, Transaction
from store.open import open_database
from store.schema import metadata
from tests.support.code_batches import CODES, make_codes, redeem
from tests.support.funded_account import FundedAccount, open_funded_account

FORM = re.compile(r"TOPUP-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")


async def open_desks(database: Database, clock: FixedClock, count: int) -> list[FundedAccount]:
    """Accounts of one installation, at one engine."""
    first = await open_funded_account(database, clock)
    others = [
        await open_funded_account(database, clock, email=f"user{number}@example.com")
        for number in range(1, count)
    ]
    for other in others:
        other.engine = first.engine
    return [first, *others]


async def owe(account: FundedAccount, micros: int) -> None:
    """What a reversal leaves that the wallet could not pay."""
    tenant = account.principal.tenant

    async def work(tx: Transaction) -> None:
        ledger = Ledger()
        await ledger.load(tx, [tenant], [(*tenant, LedgerAccountKind.TRANSIT_OUT, "")])
        ledger.post(
            debit=ledger.account(tenant, LedgerAccountKind.OWED),
            credit=ledger.account(tenant, LedgerAccountKind.TRANSIT_OUT),
            amount_micros=micros,
            code=Code.MANUAL,
            now_us=account.clock.now_us(),
        )
        await ledger.flush(tx, account.clock.now_us())

    await account.database.transaction(work)


def reasons_of(outcomes: list[object]) -> Counter[str | None]:
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, NotRedeemable):
            raise outcome
    return Counter(o.reason if isinstance(o, NotRedeemable) else None for o in outcomes)


# The code itself


def test_a_code_is_sixty_random_bits_in_an_alphabet_that_nobody_misreads() -> None:
    codes = [new_code() for _ in range(10_000)]

    assert all(FORM.fullmatch(code) for code in codes)
    assert len(set(codes)) == 10_000
    # Each of the twelve places takes all 32 characters: none is a check digit or a constant.
    for place in range(12):
        seen = Counter(code.replace("-", "")[len("TOPUP") + place] for code in codes)
        # 10,000 / 32 = 312.5 each; nine standard deviations of 17.4 are 157.
        assert len(seen) == 32
        assert all(155 < count < 470 for count in seen.values())


@pytest.mark.parametrize(
    "typed",
    ["topup-0123-abcd-wxyz", " TOPUP0123ABCDWXYZ ", "TOPUP-O123 ABCD-WXYZ", "topup-0l23-abcd-wxyz"],
)
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    assert is_code(typed)
    assert CODES.digest_of(typed) == CODES.digest_of("TOPUP-0123-ABCD-WXYZ")


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_none(text: str) -> None:
    digest = CODES.digest_of(text)

    assert digest is None or re.fullmatch("[0-9a-f]{64}", digest)
    assert CODES.digest_of("TOPUP-U" + text) is None


def test_a_digest_is_worth_nothing_without_the_key() -> None:
    # HMAC-SHA256 of "0123ABCDWXYZ" under bytes 0 to 31, worked out with the openssl command.
    known = "6c6a37e665729e99e93ce6b921ef7185923326ec7f14039cae0b70f7a3486991"

    assert CODES.digest_of("TOPUP-0123-ABCD-WXYZ") == known
    assert RedemptionCodes(bytes(32)).digest_of("TOPUP-0123-ABCD-WXYZ") != known


# Redeeming


async def test_a_code_is_purchased_credit_once(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    _, [code] = await make_codes(account, 1500, environment="live")

    redeemed = await redeem(account, code, principal=live)

    assert redeemed.balance_micros == 1_500_000
    assert (await account.balance(live))["sendable_cents"] == 150
    assert redeemed.redemption.last4 == code[-4:]
    with pytest.raises(NotRedeemable) as again:
        await redeem(account, code, principal=live)
    assert again.value.reason == "redeemed"
    assert await account.findings() == []


async def test_a_promotional_code_is_a_grant_that_ends(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    _, [code] = await make_codes(
        account, 2000, environment="live", is_promotional=True, promotional_days=7
    )

    redeemed = await redeem(account, code, principal=live)

    before = await account.balance(live)
    assert (before["balance_cents"], before["promotional_cents"]) == (200, 200)
    assert before["sendable_cents"] == 0
    assert redeemed.redemption.expires_at == clock.now_us() + 7 * DAY_US
    clock.advance_s(7 * 86_400)
    assert (await account.balance(live))["balance_cents"] == 0
    assert await account.findings() == []


async def test_of_many_accounts_one_gets_a_single_use_code(
    database: Database, clock: FixedClock
) -> None:
    desks = await open_desks(database, clock, 20)
    _, [code] = await make_codes(desks[0])

    outcomes = await asyncio.gather(
        *(redeem(account, code) for account in desks), return_exceptions=True
    )

    assert reasons_of(list(outcomes)) == {None: 1, "redeemed": 19}
    balances = [(await account.balance())["balance_cents"] for account in desks]
    assert sorted(balances) == [1_000_000] * 19 + [1_000_100]
    assert await desks[0].findings() == []


async def test_of_two_processes_one_gets_a_single_use_code(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    desks = await open_desks(database, clock, 10)
    _, codes = await make_codes(desks[0], count=20)
    other = open_database(database_url)
    rules = desks[0].engine.rules
    for account in desks[5:]:
        account.database, account.engine = other, Engine(other, clock, rules)

    outcomes = await asyncio.gather(
        *(redeem(account, code) for code in codes for account in desks), return_exceptions=True
    )
    await asyncio.gather(*(account.engine.close() for account in desks[5:]))
    await other.close()

    assert reasons_of(list(outcomes)) == {None: 20, "redeemed": 180}
    assert await desks[0].findings() == []


async def test_one_account_gets_a_code_once_however_often_it_asks(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, [code] = await make_codes(account, uses_max=5)

    outcomes = await asyncio.gather(
        *(redeem(account, code) for _ in range(20)), return_exceptions=True
    )

    assert reasons_of(list(outcomes)) == {None: 1, "redeemed": 19}
    assert (await account.balance())["balance_cents"] == 1_000_100
    assert await account.findings() == []


async def test_a_code_is_used_as_often_as_it_says(database: Database, clock: FixedClock) -> None:
    desks = await open_desks(database, clock, 7)
    batch, [code] = await make_codes(desks[0], uses_max=3)

    outcomes = await asyncio.gather(
        *(redeem(account, code) for account in desks), return_exceptions=True
    )

    assert reasons_of(list(outcomes)) == {None: 3, "redeemed": 4}
    [listed] = await database.read(
        lambda tx: list_codes(tx, "staging", batch_id=batch.id, limit=10)
    )
    assert (listed.used_count, listed.status(clock.now_us())) == (3, "redeemed")
    assert await desks[0].findings() == []


async def test_the_statuses_of_codes_are_told_apart(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    live = await account.in_live()
    now_us = clock.now_us()
    _, [foreign] = await make_codes(account, environment="live")
    _, [ending] = await make_codes(account, expires_at=now_us + SECOND_US)
    single, [stopped] = await make_codes(account)
    batch, [in_stopped_batch, _] = await make_codes(account, count=2)
    [of_single] = await database.read(
        lambda tx: list_codes(tx, "staging", batch_id=single.id, limit=1)
    )
    await database.transaction(lambda tx: disable_code(tx, of_single.id, now_us=now_us))
    await database.transaction(lambda tx: disable_batch(tx, batch.id, now_us=now_us))
    clock.advance_s(1)

    for code, reason in (
        ("TOPUP-0000-0000-0000", "unknown"),
        ("TOPUP-", "unknown"),
        (foreign, "unknown"),
        (ending, "expired"),
        (stopped, "disabled"),
        (in_stopped_batch, "disabled"),
    ):
        with pytest.raises(NotRedeemable) as refusal:
            await redeem(account, code)
        assert refusal.value.reason == reason
    assert (await redeem(account, foreign, principal=live)).balance_micros == 1_000_000


async def test_a_debt_is_paid_before_the_wallet_sees_a_code(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, [code] = await make_codes(account)
    await owe(account, 400_000)

    await redeem(account, code)

    after = await account.balance()
    assert (after["owed_cents"], after["balance_cents"]) == (0, 1_000_060)
    assert await account.findings() == []


async def test_no_table_holds_a_code(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    _, [code, unused] = await make_codes(account, count=2)
    await redeem(account, code)

    async def everything(tx: Transaction) -> str:
        kept = [
            [row[column.name] for column in table.columns]
            for table in metadata.tables.values()
            for row in await tx.fetch(f"SELECT * FROM {table.name}")
        ]
        return "\n".join(map(str, kept))

    text = await database.read(everything)
    for secret in (code, unused):
        assert secret[-4:] in text
        assert secret not in text
        assert secret.replace("-", "").removeprefix("TOPUP") not in text


@given(
    uses_max=st.integers(1, 5),
    used_count=st.integers(0, 5),
    ends_in_us=st.one_of(st.none(), st.integers(-2, 2)),
    is_disabled=st.booleans(),
    used_by_caller=st.booleans(),
)
def test_a_code_passes_exactly_while_nothing_stands_against_it(
    *,
    uses_max: int,
    used_count: int,
    ends_in_us: int | None,
    is_disabled: bool,
    used_by_caller: bool,
) -> None:
    code = RedemptionCode(
        id="rdc_1",
        environment="staging",
        last4="WXYZ",
        credits_micros=1000,
        is_promotional=False,
        promotional_days=None,
        expires_at=None if ends_in_us is None else 10 + ends_in_us,
        uses_max=uses_max,
        used_count=used_count,
        is_disabled=is_disabled,
    )
    is_over = ends_in_us is not None and ends_in_us <= 0
    stands = used_by_caller or used_count >= uses_max or is_disabled or is_over

    with pytest.raises(NotRedeemable) if stands else contextlib.nullcontext():
        code.check(used_by_caller=used_by_caller, now_us=10)
