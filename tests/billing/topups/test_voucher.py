"""A voucher is redeemed once, gives no value that was not there, and cannot be guessed."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from billing.topups.rules import NotRedeemable, VoucherCodes
from billing.topups.voucher_redemption import ExternalNotAllowed
from kernel.clock import FixedClock
from kernel.ids import encode
from store.database import Database
from tests.support.funded_account import FundedAccount, open_funded_account, redeem

CODES = VoucherCodes(bytes(range(32)))


def test_code_of_a_known_key_and_id_never_changes() -> None:
    # Worked out once with this module; a change would make every issued voucher worthless.
    assert CODES.code_of("txn_0000000000000001") == "ATU-4YQX-8S84-KXH2-EQQH-0YMZ"


@given(st.integers(0, 2**95 - 1))
def test_code_gives_its_top_up_back(number: int) -> None:
    topup_id = "txn_" + encode(number)

    code = CODES.code_of(topup_id)

    assert CODES.topup_id_of(code) == topup_id
    assert CODES.topup_id_of(code.lower().replace("-", " ")) == topup_id


@given(st.lists(st.integers(0, 2**95 - 1), max_size=70))
def test_codes_worked_out_together_are_those_of_each(numbers: list[int]) -> None:
    ids = ["txn_" + encode(number) for number in numbers]

    assert CODES.codes_of(ids) == [CODES.code_of(one) for one in ids]


@given(st.integers(0, 2**95 - 1), st.integers(0, 19), st.integers(1, 31))
def test_one_wrong_character_is_found(number: int, place: int, shift: int) -> None:
    crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    characters = list(CODES.code_of("txn_" + encode(number)).removeprefix("ATU-").replace("-", ""))
    wrong = (crockford.index(characters[place]) + shift) % 32
    characters[place] = crockford[wrong]

    assert CODES.topup_id_of("ATU" + "".join(characters)) is None


def test_neighbouring_top_ups_have_codes_without_a_pattern() -> None:
    codes = [CODES.code_of("txn_" + encode(number)) for number in range(100)]

    first_groups = {code.split("-")[1] for code in codes}
    assert len(first_groups) > 95  # of 100 random groups out of 2**20, fewer is one in 10**9


@pytest.mark.parametrize(
    "nonsense", ["", "ATU-", "ATU-0000", "XYZ-" + "0000-" * 5, "ATU" + "É" * 20]
)
def test_nonsense_is_no_code(nonsense: str) -> None:
    assert CODES.topup_id_of(nonsense) is None


async def test_of_parallel_redemptions_one_wins(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)
    code = sent.voucher_code or ""

    outcomes = await asyncio.gather(
        *(redeem(account, code) for _ in range(20)), return_exceptions=True
    )

    lost = [o for o in outcomes if isinstance(o, NotRedeemable)]
    assert (len(lost), {o.reason for o in lost}) == (19, {"redeemed"})
    assert (await account.balance())["balance_cents"] == 1_000_000
    assert await account.findings() == []


async def test_another_account_redeems_into_its_own_wallet(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)
    other = await open_other(account)

    redeemed = await redeem(account, sent.voucher_code or "", principal=other.principal)

    assert redeemed.wallet_balance_cents == 1_001_000
    assert (await account.balance())["balance_cents"] == 999_000
    assert await account.findings() == []
    with pytest.raises(ExternalNotAllowed):
        await redeem(account, sent.voucher_code or "", "external", principal=other.principal)


async def test_external_settlement_takes_the_value_out(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)

    await redeem(account, sent.voucher_code or "", "external")

    again = await account.send(500)
    assert again.topup.new_balance_cents == 500
    assert (await account.balance())["balance_cents"] == 998_500
    assert await account.findings() == []


async def test_codes_of_the_other_environment_and_made_up_ones_are_unknown(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)
    pending = await account.send(1000, to="pending@sandbox.test")
    live = await account.in_live()
    unissued = account.rules.codes.code_of(pending.topup.id)

    for code, principal in (
        (sent.voucher_code or "", live),
        (unissued, account.principal),
        ("ATU-0000-0000-0000-0000-0000", account.principal),
    ):
        with pytest.raises(NotRedeemable) as refusal:
            await redeem(account, code, principal=principal)
        assert refusal.value.reason == "unknown"


async def open_other(account: FundedAccount) -> FundedAccount:
    """A second account in the same database."""
    return await open_funded_account(account.database, account.clock, email="other@example.com")
