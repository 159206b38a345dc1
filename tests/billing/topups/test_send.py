"""What a send promises: one transaction that debits, credits, issues, tells; or a clear refusal."""

import asyncio
import json
from typing import Any

import pytest

from billing.ledger.ledger import InsufficientBalance
from billing.topups.platform import BUILT_IN, InvalidPlatform, Platforms
from billing.topups.send import AmountOutOfRange, RateLimited, Rehearsal, new_send, prepare
from billing.topups.topup import DuplicateReference
from kernel.clock import FixedClock
from keys.account import set_low_balance_thresholds
from keys.api_keys import api_key
from keys.caps import CapExceeded
from keys.normalise import InvalidEmail
from keys.principal import CredentialEnded
from store.database import Database, Transaction
from store.idempotency import KeyReused
from tests.support.funded_account import open_funded_account


async def test_send_of_1000_to_a_wallet_of_4400_answers_5400(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await account.send(4400)

    sent = await account.send(1000)

    assert sent.topup.status == "delivered"
    assert sent.topup.new_balance_cents == 5400
    assert sent.wallet_balance_cents == 994_600  # 1,000,000 - 4,400 - 1,000
    assert sent.voucher_code is not None
    assert sent.topup.voucher_code_hint == sent.voucher_code[-4:]
    assert await account.events() == ["topup.delivered", "topup.delivered"]
    assert await account.findings() == []


async def test_recipients_wallet_is_one_for_each_platform_and_address(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    first = await account.send(500, to=" User@Example.COM ")
    same = await account.send(500, to="user@example.com", platform="CLAUDE")
    other_platform = await account.send(500, to="user@example.com", platform="gemini")
    other_address = await account.send(500, to="user+tag@example.com")

    assert [s.topup.new_balance_cents for s in (first, same)] == [500, 1000]
    assert other_platform.topup.new_balance_cents == 500
    assert other_address.topup.new_balance_cents == 500
    assert first.topup.recipient_email == "user@example.com"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"platform": "mistral"}, InvalidPlatform),
        ({"recipient_email": "nobody"}, InvalidEmail),
        ({"recipient_email": "a@b@c.com"}, InvalidEmail),
        ({"amount_cents": 99}, AmountOutOfRange),
        ({"amount_cents": 100_001}, AmountOutOfRange),
        ({"amount_cents": -1000}, AmountOutOfRange),
        ({"amount_cents": 2**62}, AmountOutOfRange),
    ],
)
def test_what_needs_no_batch_state_is_refused_by_prepare(
    fields: dict[str, Any], error: type[Exception]
) -> None:
    order = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}

    with pytest.raises(error):
        prepare(Platforms(BUILT_IN), account_id="acc_1", **{**order, **fields})


async def test_200_parallel_sends_with_one_key_move_money_once(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    await asyncio.gather(*(account.send(1000, key="order-1") for _ in range(200)))

    assert len({answer.body for answer in account.kept}) == 1
    assert sum(answer.is_replay for answer in account.kept) == 199
    assert (await account.balance())["balance_cents"] == 999_000
    assert await account.findings() == []


async def test_key_with_another_request_is_refused_and_moves_nothing(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    await account.send(1000, key="order-1")

    with pytest.raises(KeyReused):
        await account.send(2000, key="order-1", body=b'{"amount_cents":2000}')

    assert (await account.balance())["balance_cents"] == 999_000


async def test_refusal_is_not_stored_so_the_key_can_be_used_again(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=1000)
    await account.send(1000)
    with pytest.raises(CapExceeded):
        await account.send(1000, key="order-1")
    clock.advance_s(86_400)

    sent = await account.send(1000, key="order-1")

    assert sent.topup.status == "delivered"


async def test_500_parallel_sends_against_credit_for_100_deliver_100(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    outcomes = await asyncio.gather(
        *(account.send(10_000, to=f"u{i}@example.com") for i in range(500)), return_exceptions=True
    )

    delivered = [o for o in outcomes if not isinstance(o, BaseException)]
    refused = [o for o in outcomes if isinstance(o, InsufficientBalance)]
    assert (len(delivered), len(refused)) == (100, 400)
    assert (await account.balance())["balance_cents"] == 0
    assert await account.findings() == []


async def test_parallel_sends_never_pass_a_keys_cap_or_its_ancestors(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(
        database, clock, per_month_cents=5000, scopes=("topup:send", "keys:write")
    )
    child = await account.mint(parent=account.principal, per_day_cents=3000)

    outcomes = await asyncio.gather(
        *(
            account.send(
                1000, to=f"u{i}@example.com", principal=child if i % 2 else account.principal
            )
            for i in range(40)
        ),
        return_exceptions=True,
    )

    by_child = [o for o in outcomes[1::2] if not isinstance(o, BaseException)]
    by_parent = [o for o in outcomes[0::2] if not isinstance(o, BaseException)]
    assert len(by_child) + len(by_parent) == 5
    assert len(by_child) <= 3
    assert sum(isinstance(o, CapExceeded) for o in outcomes) == 35
    assert (await account.balance())["balance_cents"] == 995_000


async def test_refund_gives_back_to_the_window_it_was_spent_in(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=2000)
    pending = await account.send(2000, to="pending@sandbox.test")
    assert (await account.balance())["key"]["windows"][0]["remaining_cents"] == 0

    await account.cancel(pending.topup.id)

    assert (await account.balance())["key"]["windows"][0]["remaining_cents"] == 2000
    assert (await account.balance())["balance_cents"] == 1_000_000


async def test_refund_of_yesterday_leaves_todays_window_alone(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=2000)
    pending = await account.send(2000, to="pending@sandbox.test")
    clock.advance_s(86_400)
    await account.send(1500)

    await account.cancel(pending.topup.id)

    window = (await account.balance())["key"]["windows"][0]
    assert (window["spent_cents"], window["remaining_cents"]) == (1500, 500)


async def test_reference_is_used_once_whatever_became_of_it(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, to="pending@sandbox.test", reference="inv-7")
    await account.cancel(pending.topup.id)

    with pytest.raises(DuplicateReference) as refusal:
        await account.send(1000, reference="inv-7")

    assert refusal.value.extra == {"transaction_id": pending.topup.id, "status": "cancelled"}


async def test_of_parallel_sends_with_one_reference_one_goes_through(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    outcomes = await asyncio.gather(
        *(account.send(1000, reference="inv-7") for _ in range(20)), return_exceptions=True
    )

    assert sum(isinstance(o, DuplicateReference) for o in outcomes) == 19
    assert (await account.balance())["balance_cents"] == 999_000


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("recipient", "error"),
    [
        ("insufficient@sandbox.test", InsufficientBalance),
        ("ratelimited@sandbox.test", RateLimited),
        ("capped@sandbox.test", CapExceeded),
    ],
)
async def test_sandbox_recipients_refuse_and_move_nothing(
    database: Database, clock: FixedClock, recipient: str, error: type[Exception]
) -> None:
    account = await open_funded_account(database, clock)

    with pytest.raises(error):
        await account.send(1000, to=recipient)

    assert (await account.balance())["balance_cents"] == 1_000_000
    assert await account.events() == []


async def test_sandbox_failure_is_told_and_refunded(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)

    sent = await account.send(1000, to="failed@sandbox.test")

    assert (sent.topup.status, sent.wallet_balance_cents) == ("failed", 1_000_000)
    assert await account.events() == ["topup.failed"]
    assert await account.findings() == []


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_key_that_ended_after_it_was_read_is_refused_inside_the_batch(
    database: Database, clock: FixedClock, end: str
) -> None:
    account = await open_funded_account(database, clock, expires_at=clock.now_us() + 60_000_000)
    key_id = account.principal.key_id
    assert key_id is not None

    async def revoke(tx: Transaction) -> None:
        await api_key.revoke(
            tx, account.principal.tenant, key_id, asker=None, now_us=clock.now_us()
        )

    if end == "revoked":
        await database.transaction(revoke)
    else:
        clock.advance_s(60)

    with pytest.raises(CredentialEnded):
        await account.send(1000)
    assert (await account.balance())["balance_cents"] == 1_000_000


async def test_low_balance_is_told_on_each_downward_crossing_only(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    async def set_threshold(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE account_environments SET low_balance_threshold_micros = :micros",
            micros=995_000 * 10_000,
        )

    await database.transaction(set_threshold)
    await account.send(5000)  # 995,000: at the threshold, not below it
    pending = await account.send(1000, to="pending@sandbox.test")  # below
    await account.send(1000)  # still below
    await account.cancel(pending.topup.id)  # 994,000
    assert (await account.events()).count("balance.low") == 1


async def test_each_threshold_is_told_once_a_fall_and_armed_by_itself(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    thresholds = [999_000 * 10_000, 995_000 * 10_000, 990_000 * 10_000]
    await database.transaction(
        lambda tx: set_low_balance_thresholds(tx, account.principal.tenant, thresholds)
    )

    async def told() -> list[int]:
        rows = await database.read(
            lambda tx: tx.fetch(
                "SELECT body FROM events WHERE type = 'balance.low' ORDER BY event_no"
            )
        )
        data = [json.loads(row["body"])["data"] for row in rows]
        return [one["low_balance_threshold_cents"] for one in data]

    pending = await account.send(6000, to="pending@sandbox.test")  # 994,000: below two
    assert await told() == [999_000, 995_000]
    await account.send(100)
    assert len(await told()) == 2
    await account.cancel(pending.topup.id)  # 999,900: at or above both again
    await account.send(1000)  # 998,900: below the first
    assert await told() == [999_000, 995_000, 999_000]
    await account.send(10_000)  # 988,900: below the other two
    assert await told() == [999_000, 995_000, 999_000, 995_000, 990_000]


async def test_rehearsal_tells_what_a_send_would_do_and_writes_nothing(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, per_day_cents=5000)
    order = prepare(
        account.rules.platforms.of("staging"),
        account_id=account.account_id,
        platform="claude",
        amount_cents=1000,
        recipient_email="user@example.com",
    )
    rehearsed = new_send(account.principal, order)

    quote, _ = await account.engine.rehearse(Rehearsal(rehearsed))

    assert quote.wallet_balance_cents == 1_000_000
    assert quote.wallet_balance_after_cents == 999_000
    assert quote.cap_remaining_cents == 5000
    assert quote.would_be == "delivered"
    assert (await account.balance())["balance_cents"] == 1_000_000
    assert await account.events() == []


async def test_a_send_that_is_refunded_at_once_makes_no_balance_low(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    async def set_threshold(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE account_environments SET low_balance_threshold_micros = :micros",
            micros=1_000_000 * 10_000,
        )

    await database.transaction(set_threshold)

    await account.send(1000, to="failed@sandbox.test")

    assert await account.events() == ["topup.failed"]
