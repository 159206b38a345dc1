"""A pending top-up ends once: cancelled, delivered, failed, approved or denied."""

import asyncio

import pytest

from billing.topups.approval import ApprovalDecided
from billing.topups.rules import NotRedeemable
from billing.topups.settlement import AwaitsApproval
from billing.topups.topup import AlreadyDelivered, AlreadyEnded, Deliverable
from kernel.clock import FixedClock
from kernel.errors import DomainError, NotFound
from keys.vault import SealBroken
from store.database import Database, Transaction
from tests.support.funded_account import open_funded_account, redeem


async def test_pending_holds_the_funds_until_it_is_delivered(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, to="pending@sandbox.test")
    held = await account.balance()

    ended = await account.settle(pending.topup.id, "delivered")

    assert (held["balance_cents"], held["held_cents"]) == (999_000, 1000)
    assert ended.topup.status == "delivered"
    assert ended.topup.new_balance_cents == 1000
    assert ended.topup.voucher_code_hint is not None
    after = await account.balance()
    assert (after["balance_cents"], after["held_cents"]) == (999_000, 0)
    assert await account.events() == ["topup.pending", "topup.delivered"]
    assert await account.findings() == []


async def test_failed_fulfilment_refunds(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")

    ended = await account.settle(pending.topup.id, "failed", reason="no such user")

    assert (ended.topup.status, ended.topup.failure_reason) == ("failed", "no such user")
    assert (await account.balance())["balance_cents"] == 1_000_000
    assert await account.findings() == []


async def test_cancel_returns_the_funds_and_a_second_one_is_refused(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")

    ended = await account.cancel(pending.topup.id)

    assert (ended.topup.status, ended.wallet_balance_cents) == ("cancelled", 1_000_000)
    with pytest.raises(AlreadyEnded) as refusal:
        await account.cancel(pending.topup.id)
    assert refusal.value.extra == {"transaction_id": pending.topup.id, "status": "cancelled"}


async def test_cancel_after_hand_over_is_refused(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")
    await account.hand_over(pending.topup.id, seen=0)

    with pytest.raises(AlreadyDelivered) as refusal:
        await account.cancel(pending.topup.id)

    assert refusal.value.reason == "in_fulfilment"


async def test_cancel_of_a_delivered_one_is_refused(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000)

    with pytest.raises(AlreadyDelivered):
        await account.cancel(sent.topup.id)


async def test_unknown_and_foreign_top_ups_look_the_same(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    with pytest.raises(NotFound, match="Transaction not found"):
        await account.cancel("txn_0000000000000000")


async def test_of_parallel_settlements_and_cancels_one_wins(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")
    topup_id = pending.topup.id

    outcomes = await asyncio.gather(
        *(account.settle(topup_id, "delivered") for _ in range(5)),
        *(account.settle(topup_id, "failed") for _ in range(5)),
        *(account.cancel(topup_id) for _ in range(5)),
        return_exceptions=True,
    )

    assert sum(not isinstance(o, BaseException) for o in outcomes) == 1
    assert all(isinstance(o, DomainError) for o in outcomes if isinstance(o, BaseException))
    assert await account.findings() == []


async def test_two_workers_that_saw_the_same_top_up_do_not_both_ask(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")

    first = await account.hand_over(pending.topup.id, seen=0)
    second = await account.hand_over(pending.topup.id, seen=0)

    assert (first.attempt is None, second.attempt is None) == (False, True)


@pytest.mark.parametrize("code", [None, "1f0c5e3b7a9d4286"])
async def test_what_a_vendor_delivered_is_not_in_the_wallet_too(
    database: Database, clock: FixedClock, code: str | None
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")

    ended = await account.settle(
        pending.topup.id, "delivered", given=None if code is None else Deliverable("code", code)
    )

    assert ended.topup.new_balance_cents == 0  # the vendor holds it
    voucher = account.rules.codes.code_of(pending.topup.id)
    with pytest.raises(NotRedeemable) as refusal:
        await redeem(account, voucher)
    assert refusal.value.reason == "redeemed"
    assert await account.findings() == []


async def test_the_vendors_code_stands_in_the_vouchers_place_and_is_stored_sealed(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    pending = await account.send(1000, platform="slow")

    ended = await account.settle(
        pending.topup.id, "delivered", given=Deliverable("code", "1f0c5e3b7a9d4286")
    )

    topup, codes = ended.topup, account.rules.codes
    assert codes.shown(topup, account.principal) == "1f0c5e3b7a9d4286"
    assert topup.voucher_code_hint == "4286"
    assert "1f0c5e3b7a9d4286" not in (topup.fulfilment_code or "1f0c5e3b7a9d4286")
    with pytest.raises(SealBroken):
        codes.issued("txn_0000000000000001", topup.fulfilment_code)


async def test_send_above_the_threshold_waits_for_an_approval(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_threshold_cents=1000)
    at_threshold = await account.send(1000)

    above = await account.send(1001)

    assert at_threshold.topup.status == "delivered"
    assert above.topup.status == "pending"
    assert above.approval is not None
    ended = await account.decide(above.topup.id, above.approval.id, "approved")
    assert ended.topup.status == "delivered"
    assert ended.topup.new_balance_cents == 2001
    assert await account.findings() == []
    with pytest.raises(ApprovalDecided):
        await account.decide(above.topup.id, above.approval.id, "denied")


@pytest.mark.parametrize("decision", ["denied", "expired"])
async def test_denied_or_expired_approval_cancels_and_refunds(
    database: Database, clock: FixedClock, decision: str
) -> None:
    account = await open_funded_account(database, clock)
    asked = await account.send(1000, to="approval@sandbox.test")
    assert asked.approval is not None

    ended = await account.decide(asked.topup.id, asked.approval.id, decision)

    assert ended.topup.status == "cancelled"
    assert (await account.balance())["balance_cents"] == 1_000_000
    assert await account.events() == [
        "topup.pending",
        "approval.requested",
        f"approval.{decision}",
        "topup.cancelled",
    ]


async def test_approved_slow_platform_goes_on_to_its_fulfilment(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_threshold_cents=500)
    asked = await account.send(1000, platform="slow")
    assert asked.approval is not None

    ended = await account.decide(asked.topup.id, asked.approval.id, "approved")

    assert (ended.topup.status, ended.topup.fulfilment) == ("pending", "http")
    assert ended.topup.next_check_at == clock.now_us()


@pytest.mark.parametrize("outcome", ["failed", "delivered"])
async def test_nothing_but_a_decision_settles_what_waits_for_an_approval(
    database: Database, clock: FixedClock, outcome: str
) -> None:
    account = await open_funded_account(database, clock)
    asked = await account.send(1000, to="approval@sandbox.test")
    assert asked.approval is not None

    with pytest.raises(AwaitsApproval) as refusal:
        await account.settle(asked.topup.id, outcome)

    assert refusal.value.reason == "awaits_approval"
    assert refusal.value.extra["approval"]["id"] == asked.approval.id
    assert await account.events() == ["topup.pending", "approval.requested"]
    ended = await account.decide(asked.topup.id, asked.approval.id, "denied")
    assert ended.topup.status == "cancelled"


async def test_cancelling_tells_that_the_approval_was_cancelled(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    asked = await account.send(1000, to="approval@sandbox.test")

    ended = await account.cancel(asked.topup.id)

    assert ended.approval is not None
    assert ended.approval.decided_by == account.principal.credential_id
    assert await account.events() == [
        "topup.pending",
        "approval.requested",
        "approval.cancelled",
        "topup.cancelled",
    ]


async def test_an_approval_of_an_ended_top_up_expires_all_the_same(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    asked = await account.send(1000, to="approval@sandbox.test")
    assert asked.approval is not None
    await account.cancel(asked.topup.id)

    async def as_before(tx: Transaction) -> None:
        # What an older version left behind.
        await tx.execute(
            "UPDATE approvals SET status = 'pending', decided_by = NULL, decided_at = NULL"
        )

    await database.transaction(as_before)

    ended = await account.decide(asked.topup.id, asked.approval.id, "expired")

    assert ended.approval is not None
    assert ended.approval.status == "expired"
    assert ended.topup.status == "cancelled"
