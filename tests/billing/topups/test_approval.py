"""Which sends ask a person, until when somebody may decide, and what a decision finds changed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from billing.engine.engine import Engine
from billing.topups.approval import ApprovalDecided
from billing.topups.platform import InvalidPlatform, Platform, PlatformBook, Source
from billing.topups.send import Sent
from billing.topups.settlement import RequesterBlocked
from kernel.clock import FixedClock
from kernel.errors import DomainError
from keys.api_keys import api_key
from keys.sandbox_clock import advance
from store.database import Database
from tests.support.funded_account import SLOW, FundedAccount, open_engine, open_funded_account
from tests.support.platform_book import same_everywhere

DAY_S = 86_400


def asked(sends: list[Sent]) -> list[bool]:
    return [sent.approval is not None for sent in sends]


async def move_clock(account: FundedAccount, seconds: int) -> None:
    tenant = account.principal.tenant
    await account.database.transaction(lambda tx: advance(tx, tenant, advance_s=seconds))


# The day's threshold


async def test_of_twenty_sends_at_once_those_beyond_the_days_sum_ask(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(
        database, clock, approval_threshold_cents=500, approval_above_per_day_cents=2000
    )

    sends = await asyncio.gather(*(account.send(500) for _ in range(20)))

    # 4 x 500 is 2000, which is not above it.
    assert (asked(sends).count(False), asked(sends).count(True)) == (4, 16)
    assert await account.findings() == []


async def test_of_two_tills_at_once_together_no_more_passes_than_the_days_sum(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_above_per_day_cents=2000)
    engine = Engine(database, clock, account.engine.rules)
    other = FundedAccount(database, clock, engine, account.account_id, account.principal)

    sends = await asyncio.gather(*(each.send(500) for _ in range(10) for each in (account, other)))

    assert asked(sends).count(False) == 4
    await engine.close()


async def test_a_keys_day_counts_what_its_children_send_and_each_asks_by_its_own(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_above_per_day_cents=1000)
    loose = await account.mint(parent=account.principal)
    strict = await account.mint(parent=account.principal, approval_above_per_day_cents=300)
    beside = await account.mint()

    sends = [
        await account.send(600, principal=loose),
        await account.send(301, principal=strict),  # above its own 300
        await account.send(300, principal=strict),  # 900 of the parent's 1000
        await account.send(101),
        await account.send(100),
        await account.send(5000, principal=beside),
    ]

    assert asked(sends) == [False, True, False, True, False, False]


async def test_the_next_utc_day_begins_anew(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock, approval_above_per_day_cents=500)
    clock.advance_s(DAY_S / 2 - 1)  # from noon
    sends = [await account.send(500), await account.send(100)]

    clock.advance_s(1)
    sends += [await account.send(500), await account.send(100)]

    assert asked(sends) == [False, True, False, True]


@pytest.mark.parametrize("how", ["cancel", "failed", "scripted"])
async def test_what_comes_back_leaves_room_again(
    database: Database, clock: FixedClock, how: str
) -> None:
    account = await open_funded_account(database, clock, approval_above_per_day_cents=500)
    if how == "scripted":
        await account.send(500, to="failed@sandbox.test")
    else:
        pending = await account.send(500, platform="slow")
        await (
            account.cancel(pending.topup.id)
            if how == "cancel"
            else account.settle(pending.topup.id, "failed")
        )

    sends = [await account.send(500), await account.send(100)]

    assert asked(sends) == [False, True]


async def test_what_a_person_approved_or_denied_takes_no_room(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_above_per_day_cents=500)
    for decision in ("approved", "denied"):
        waiting = await account.send(501)
        assert waiting.approval is not None
        await account.decide(waiting.topup.id, waiting.approval.id, decision)

    assert asked([await account.send(500), await account.send(100)]) == [False, True]


async def test_the_days_threshold_is_changed_and_taken_away(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_above_per_day_cents=0)
    key_id = account.principal.lineage[0]

    async def change(cents: int | None) -> None:
        await database.transaction(
            lambda tx: api_key.patch(
                tx,
                account.principal.tenant,
                key_id,
                changes={"approval_above_per_day_cents": cents},
                asker=None,
                now_us=clock.now_us(),
            )
        )

    first = await account.send(100)
    await change(100)
    second, third = await account.send(100), await account.send(100)
    await change(None)

    assert asked([first, second, third, await account.send(9000)]) == [True, False, True, False]


# The end


@pytest.mark.parametrize("decision", ["approved", "denied"])
async def test_after_its_end_nobody_decides_though_no_sweep_came(
    database: Database, clock: FixedClock, decision: str
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000, to="approval@sandbox.test")
    assert sent.approval is not None
    clock.advance_s(DAY_S)

    with pytest.raises(ApprovalDecided) as refusal:
        await account.decide(sent.topup.id, sent.approval.id, decision)

    assert refusal.value.extra["approval_status"] == "expired"
    ended = await account.decide(sent.topup.id, sent.approval.id, "expired")
    assert (ended.topup.status, ended.wallet_balance_cents) == ("cancelled", 1_000_000)


async def test_until_its_last_microsecond_it_is_decided(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000, to="approval@sandbox.test")
    assert sent.approval is not None
    clock.advance_s(DAY_S - 0.000_001)

    ended = await account.decide(sent.topup.id, sent.approval.id, "approved")

    assert ended.topup.status == "delivered"


async def test_the_end_is_by_the_accounts_own_clock(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    before = await account.send(1000, to="approval@sandbox.test")
    await move_clock(account, DAY_S)
    after = await account.send(1000, to="approval@sandbox.test")
    assert before.approval is not None
    assert after.approval is not None

    with pytest.raises(ApprovalDecided):
        await account.decide(before.topup.id, before.approval.id, "approved")

    ended = await account.decide(after.topup.id, after.approval.id, "approved")
    assert ended.topup.status == "delivered"


async def test_a_cancel_after_the_end_tells_that_it_expired(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    sent = await account.send(1000, to="approval@sandbox.test")
    clock.advance_s(DAY_S)

    ended = await account.cancel(sent.topup.id)

    assert ended.approval is not None
    assert (ended.approval.status, ended.approval.decided_by) == ("expired", None)
    assert (await account.events())[2:] == ["approval.expired", "topup.cancelled"]


# What became of the key that asked


async def revoked(account: FundedAccount, key_id: str) -> None:
    await account.database.transaction(
        lambda tx: api_key.revoke(
            tx, account.principal.tenant, key_id, asker=None, now_us=account.clock.now_us()
        )
    )


async def paused(account: FundedAccount, key_id: str) -> None:
    await account.database.transaction(
        lambda tx: api_key.pause(
            tx, account.principal.tenant, key_id, asker=None, now_us=account.clock.now_us()
        )
    )


async def moved_elsewhere(account: FundedAccount, key_id: str) -> None:
    await account.database.transaction(
        lambda tx: api_key.patch(
            tx,
            account.principal.tenant,
            key_id,
            changes={"platforms": ("slow",)},
            asker=None,
            now_us=account.clock.now_us(),
        )
    )


async def test_approving_what_an_ended_key_asked_gives_the_funds_back_at_once(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock, approval_threshold_cents=500)
    child = await account.mint(parent=account.principal)
    by_parent, by_child = await account.send(1000), await account.send(700, principal=child)
    assert by_parent.approval is not None
    assert by_child.approval is not None
    # The parent ends: with it every send of its descendants.
    await revoked(account, account.principal.lineage[0])

    ended = [
        await account.decide(sent.topup.id, sent.approval.id, "approved")
        for sent in (by_parent, by_child)
        if sent.approval is not None
    ]

    for one in ended:
        assert one.refusal is not None
        assert one.refusal.reason == "requester_ended"
        assert one.refusal.detail == (
            'The API key "test" that made this send was revoked. The top-up was cancelled, and its funds'
            " are back in the wallet."
        )
        assert one.topup.status == "cancelled"
        assert one.topup.failure_reason == 'The API key "test" that made this send was revoked.'
        assert one.approval is not None
        assert (one.approval.status, one.approval.decided_by) == ("cancelled", "key_approver")
    # $10,000.00 of the start; nothing is held.
    assert ended[1].wallet_balance_cents == 1_000_000
    assert (await account.balance())["held_cents"] == 0
    assert (await account.events())[4:] == ["approval.cancelled", "topup.cancelled"] * 2
    with pytest.raises(ApprovalDecided):
        await account.decide(by_parent.topup.id, by_parent.approval.id, "denied")
    assert await account.findings() == []


async def test_a_key_that_ran_out_meanwhile_is_told_as_expired(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(
        database,
        clock,
        approval_threshold_cents=500,
        expires_at=clock.now_us() + 3_600_000_000,
    )
    sent = await account.send(1000)
    assert sent.approval is not None
    clock.advance_s(3600)

    ended = await account.decide(sent.topup.id, sent.approval.id, "approved")

    assert ended.topup.failure_reason == 'The API key "test" that made this send has expired.'
    assert ended.wallet_balance_cents == 1_000_000


@pytest.mark.parametrize(
    ("change", "reason", "sentence"),
    [
        (paused, "requester_paused", 'The API key "test" that made this send is paused.'),
        (
            moved_elsewhere,
            "requester_limits",
            'The API key "test" that made this send may no longer send to this platform.',
        ),
    ],
)
async def test_what_may_pass_later_stays_held_and_can_be_denied(
    database: Database, clock: FixedClock, change: Any, reason: str, sentence: str
) -> None:
    account = await open_funded_account(database, clock, approval_threshold_cents=500)
    sent = await account.send(1000)
    assert sent.approval is not None
    await change(account, account.principal.lineage[0])

    with pytest.raises(RequesterBlocked) as refusal:
        await account.decide(sent.topup.id, sent.approval.id, "approved")

    assert refusal.value.reason == reason
    assert refusal.value.detail.startswith(sentence)
    assert refusal.value.extra["requester_key_id"] == account.principal.lineage[0]
    assert (await account.balance())["held_cents"] == 1000
    denied = await account.decide(sent.topup.id, sent.approval.id, "denied")
    assert (denied.topup.status, denied.wallet_balance_cents) == ("cancelled", 1_000_000)
    assert await account.findings() == []


# What changed meanwhile

GONE = Platform("gone", "Gone")


def renamed(_platforms: PlatformBook) -> PlatformBook:
    return same_everywhere([SLOW])


def made_slow(_platforms: PlatformBook) -> PlatformBook:
    return same_everywhere([SLOW, Platform("gone", "Gone", suppliers=(Source("s", "http"),))])


def made_unknown(_platforms: PlatformBook) -> PlatformBook:
    return same_everywhere([SLOW, Platform("gone", "Gone", suppliers=(Source("s", "pigeon"),))])


def made_small(_platforms: PlatformBook) -> PlatformBook:
    return same_everywhere([SLOW, Platform("gone", "Gone", max_amount_cents=100)])


async def waiting_at(
    account: FundedAccount, change: Callable[[PlatformBook], PlatformBook]
) -> tuple[FundedAccount, Sent]:
    """A send to GONE that waits, and the account at an engine whose platforms changed since."""
    rules = replace(account.rules, platforms=same_everywhere([SLOW, GONE]))
    before = open_engine(account.database, account.clock, rules)
    sender = replace(account, engine=before)
    sent = await sender.send(1000, platform="gone")
    await before.close()
    rules = replace(rules, platforms=change(rules.platforms))
    later = open_engine(account.database, account.clock, rules)
    return replace(account, engine=later), sent


async def test_approving_a_top_up_of_a_removed_platform_is_refused_and_denying_refunds(
    database: Database, clock: FixedClock
) -> None:
    first = await open_funded_account(database, clock, approval_threshold_cents=500)
    account, sent = await waiting_at(first, renamed)
    assert sent.approval is not None

    with pytest.raises(InvalidPlatform) as refusal:
        await account.decide(sent.topup.id, sent.approval.id, "approved")

    assert refusal.value.reason == "removed"
    assert (await account.balance())["held_cents"] == 1000
    assert await account.events() == ["topup.pending", "approval.requested"]
    ended = await account.decide(sent.topup.id, sent.approval.id, "denied")
    assert (ended.topup.status, ended.wallet_balance_cents) == ("cancelled", 1_000_000)
    assert await account.findings() == []
    await account.engine.close()


@pytest.mark.one_database
@pytest.mark.parametrize("change", [renamed, made_slow, made_unknown, made_small])
@pytest.mark.parametrize(
    "act",
    [
        lambda account, sent: account.decide(sent.topup.id, sent.approval.id, "approved"),
        lambda account, sent: account.decide(sent.topup.id, sent.approval.id, "denied"),
        lambda account, sent: account.decide(sent.topup.id, sent.approval.id, "expired"),
        lambda account, sent: account.cancel(sent.topup.id),
        lambda account, sent: account.settle(sent.topup.id, "delivered"),
        lambda account, sent: account.settle(sent.topup.id, "failed"),
        lambda account, sent: account.hand_over(sent.topup.id, seen=0),
    ],
    ids=["approve", "deny", "expire", "cancel", "deliver", "fail", "hand_over"],
)
@pytest.mark.sampled(2)
async def test_whatever_the_operator_changed_a_command_is_done_or_refused_whole(
    database: Database, clock: FixedClock, change: Any, act: Any
) -> None:
    first = await open_funded_account(database, clock, approval_threshold_cents=500)
    account, sent = await waiting_at(first, change)
    before = await account.balance(), await account.events()

    try:
        await act(account, sent)
    except DomainError:
        assert (await account.balance(), await account.events()) == before

    assert await account.findings() == []
    await account.engine.close()
