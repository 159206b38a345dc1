"""A send for later of somebody who lost their access waits for a person, and nothing of it is lost."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from billing.bulk.acceptance import OpenBatch
from billing.bulk.runner import BatchRunner, Bulk, BulkLine
from billing.topups import approval as approvals
from billing.topups.approval import Approval
from billing.topups.send import prepare
from billing.topups.topup import load
from kernel.clock import FixedClock
from kernel.errors import DomainError
from keys.tokens import access_token
from store.database import Database, Transaction
from tests.support.colleagues import Colleague, given_colleague
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from worker.money.due import Expirer
from worker.topups import Releaser

pytestmark = pytest.mark.fixed_clock
HOUR_S = 3600
# What the account has at first, and what each send takes, in cents.
FUNDS, PRICE = 1_000_000, 1000
LEFT = "whoever sent it left the account, and nobody released it within 72 hours"


def in_an_hour(account: FundedAccount) -> int:
    return account.clock.now_us() + HOUR_S * 1_000_000


async def sweep(account: FundedAccount) -> None:
    await Releaser(account.database, account.clock, account.engine).sweep()


async def expire(account: FundedAccount) -> None:
    await Expirer(account.database, account.clock, account.engine).sweep()


async def status_of(account: FundedAccount, topup_id: str) -> tuple[str, str | None]:
    found = (await account.database.read(lambda tx: load(tx, [topup_id])))[topup_id]
    return found.status, found.failure_reason


async def cents(account: FundedAccount) -> tuple[int, int]:
    """What the wallet has, and what is held."""
    found = await account.balance()
    return found["balance_cents"], found["held_cents"]


async def asked(account: FundedAccount, topup_id: str) -> Approval | None:
    found = await account.database.read(lambda tx: approvals.load_for_topups(tx, [topup_id]))
    return found.get(topup_id)


async def waiting(account: FundedAccount) -> tuple[Colleague, str, Approval]:
    """A colleague who was removed, what they had sent for later, and the approval it waits for."""
    colleague = await given_colleague(account)
    topup_id = await colleague.send(send_at=in_an_hour(account))
    await colleague.remove()
    account.clock.advance_s(HOUR_S)
    await sweep(account)
    found = await asked(account, topup_id)
    assert found is not None
    return colleague, topup_id, found


async def test_it_waits_at_its_time_and_the_funds_stay_held(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)

    colleague, topup_id, approval = await waiting(account)

    assert (approval.status, approval.reason) == ("pending", "sender_left")
    assert approval.requested_by == colleague.person_id
    assert approval.expires_at == clock.now_us() + 72 * HOUR_S * 1_000_000
    assert await status_of(account, topup_id) == ("pending", None)
    assert await cents(account) == (FUNDS - PRICE, PRICE)
    assert await account.events() == ["topup.scheduled", "topup.pending", "approval.requested"]
    assert await account.findings() == []


async def test_a_release_delivers_it_and_a_denial_gives_back(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, released, first = await waiting(account)
    other = await given_colleague(account, "two@acme.example")
    denied = await other.send(send_at=in_an_hour(account))
    await other.become("reader")
    clock.advance_s(HOUR_S)
    await sweep(account)
    second = await asked(account, denied)
    assert second is not None

    await account.decide(released, first.id, "approved")
    await account.decide(denied, second.id, "denied")

    assert await status_of(account, released) == ("delivered", None)
    assert await status_of(account, denied) == ("cancelled", "the approval was denied")
    assert await cents(account) == (FUNDS - PRICE, 0)
    assert await account.findings() == []


async def test_undecided_it_fails_after_72_hours_with_its_funds_back(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, topup_id, _ = await waiting(account)

    clock.advance_s(72 * HOUR_S - 1)
    await expire(account)
    before = await status_of(account, topup_id)
    clock.advance_s(1)
    await asyncio.gather(expire(account), expire(account))

    assert before == ("pending", None)
    assert await status_of(account, topup_id) == ("failed", LEFT)
    assert await cents(account) == (FUNDS, 0)
    assert (await account.events())[-2:] == ["approval.expired", "topup.failed"]
    assert await account.findings() == []


async def test_who_came_back_and_who_may_still_send_are_not_waited_for(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    colleague = await given_colleague(account)
    topup_id = await colleague.send(send_at=in_an_hour(account))
    await colleague.remove()
    clock.advance_s(1)
    await colleague.come_back()

    clock.advance_s(HOUR_S)
    await sweep(account)

    assert await status_of(account, topup_id) == ("delivered", None)


async def test_a_send_at_once_of_who_just_left_waits_though_a_gateway_still_knows_their_session(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    colleague, other = [
        await given_colleague(account, f"{name}@acme.example") for name in ("one", "two")
    ]
    before = await colleague.send()
    await colleague.remove()
    await other.become("reader")

    after = [await colleague.send(), await other.send()]

    assert await status_of(account, before) == ("delivered", None)
    assert [await status_of(account, one) for one in after] == [("pending", None)] * 2
    approvals_ = [await asked(account, one) for one in after]
    assert [one and one.reason for one in approvals_] == ["sender_left"] * 2
    assert await cents(account) == (FUNDS - 3 * PRICE, 2 * PRICE)
    assert await account.findings() == []


async def test_a_revoked_token_of_the_account_sends_nothing_for_later(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    tenant = account.principal.tenant

    async def make(tx: Transaction) -> str:
        token, _ = await access_token.create(
            tx,
            kind="system",
            account_id=tenant.account_id,
            environment="staging",
            name="ci",
            maker=None,
            now_us=clock.now_us(),
        )
        return token.id

    token_id = await database.transaction(make)
    as_token = replace(
        account.principal, kind="system_token", credential_id=token_id, key_id=None, lineage=()
    )
    good = (await account.send(principal=as_token, send_at=in_an_hour(account))).topup.id
    clock.advance_s(HOUR_S)
    await sweep(account)
    late = (await account.send(principal=as_token, send_at=in_an_hour(account))).topup.id
    await database.transaction(
        lambda tx: access_token.revoke(tx, tenant, token_id, asker=None, now_us=clock.now_us())
    )
    clock.advance_s(HOUR_S)
    await sweep(account)

    assert await status_of(account, good) == ("delivered", None)
    assert await status_of(account, late) == ("pending", None)


def bulk(account: FundedAccount, colleague: Colleague, *, send_at: int | None, whole: bool) -> Bulk:
    lines = [
        BulkLine(
            prepare(
                account.rules.platforms.of("staging"),
                account_id=account.account_id,
                platform="claude",
                amount_cents=PRICE,
                recipient_email=f"user{number}@example.com",
                reference=f"b{number}",
                send_at=send_at,
            ),
            f"b{number}",
        )
        for number in range(3)
    ]
    principal = colleague.principal
    return Bulk(principal.tenant, (), lines, whole, sent_by=principal.sender)


async def statuses(account: FundedAccount) -> Counter[str]:
    rows = await account.database.read(lambda tx: tx.fetch("SELECT status FROM topups"))
    return Counter(row["status"] for row in rows)


@pytest.mark.parametrize("whole", [False, True])
async def test_a_batch_that_a_worker_goes_on_with_waits_item_by_item(
    database: Database, clock: FixedClock, *, whole: bool
) -> None:
    """The process that took the call died after the batch was written, then its sender was removed."""
    account = await open_funded_account(database, clock)
    colleague = await given_colleague(account)
    runner = BatchRunner(database, clock, account.engine)

    batch, lines = runner.opening(bulk(account, colleague, send_at=None, whole=whole), {})
    await account.engine.submit(OpenBatch(batch, lines))
    await colleague.remove()

    await runner.run(batch)

    assert await statuses(account) == {"pending": 3}
    assert await cents(account) == (FUNDS - 3 * PRICE, 3 * PRICE)
    clock.advance_s(72 * HOUR_S)
    await expire(account)
    ended = await runner.run(batch)
    assert await statuses(account) == {"failed": 3}
    assert await cents(account) == (FUNDS, 0)
    assert ended.status == "completed"
    assert await account.findings() == []


@pytest.mark.parametrize("whole", [False, True])
async def test_scheduled_items_of_a_batch_wait_at_their_time(
    database: Database, clock: FixedClock, *, whole: bool
) -> None:
    account = await open_funded_account(database, clock)
    colleague = await given_colleague(account)
    runner = BatchRunner(database, clock, account.engine)
    await runner.accept(bulk(account, colleague, send_at=in_an_hour(account), whole=whole))
    before = await statuses(account)
    await colleague.remove()
    clock.advance_s(HOUR_S)
    await sweep(account)

    assert before == {"scheduled": 3}
    assert await statuses(account) == {"pending": 3}
    assert await account.findings() == []


STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(
            [
                "send",
                "own",
                "remove",
                "back",
                "clock",
                "approve",
                "deny",
                "crash",
                "sweep",
                "expire",
            ]
        ),
        strategies.integers(1, 5),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
async def test_whatever_happens_nothing_is_lost_and_nothing_goes_unasked(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    clock = FixedClock(1_780_000_000_000_000)
    number = _number()
    account = await open_funded_account(database, clock, email=f"b{number}@example.com")
    engine = account.engine
    colleague = await given_colleague(account, f"c{number}@example.com")
    state = _Story(account, colleague)
    for step, count in steps:
        with contextlib.suppress(DomainError):
            await state.take(step, count)
    clock.advance_s(8 * HOUR_S)
    await sweep(account)
    clock.advance_s(72 * HOUR_S)
    await asyncio.gather(expire(account), expire(account))

    ends = Counter([(await status_of(account, one))[0] for one in state.sent])
    assert not ends["scheduled"] + ends["pending"]
    assert await cents(account) == (FUNDS - PRICE * ends["delivered"], 0)
    assert await account.findings() == []
    for topup_id in state.due_while_gone:
        found = await asked(account, topup_id)
        assert found is not None, "it went without a person"
        ended = (await status_of(account, topup_id))[0]
        assert (ended == "delivered") == (found.status == "approved")
    await engine.close()


class _Story:
    """due_while_gone: top-ups of the colleague whose time came, and was looked at, while they were gone."""

    def __init__(self, account: FundedAccount, colleague: Colleague) -> None:
        self.account = account
        self.colleague = colleague
        self.is_gone = False
        self.sent: list[str] = []
        self.theirs: dict[str, int] = {}
        self.due_while_gone: set[str] = set()

    async def take(self, step: str, count: int) -> None:
        account = self.account
        if step in {"send", "own"}:
            await self._send(step, account.clock.now_us() + count * HOUR_S * 1_000_000)
        elif step in {"approve", "deny"}:
            await self._decide(step, count)
        elif step == "remove" and not self.is_gone:
            await self.colleague.remove()
            self.is_gone = True
        elif step == "back" and self.is_gone:
            await self.colleague.come_back()
            self.is_gone = False
        elif step == "clock":
            account.clock.advance_s(count * HOUR_S)
        elif step == "expire":
            await expire(account)
        elif step == "crash":
            looking = asyncio.ensure_future(sweep(account))
            await asyncio.sleep(0)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        elif step == "sweep":
            await self._sweep()

    async def _send(self, step: str, send_at: int) -> None:
        if step == "own":
            self.sent.append((await self.account.send(send_at=send_at)).topup.id)
        elif not self.is_gone:
            topup_id = await self.colleague.send(send_at=send_at)
            self.sent.append(topup_id)
            self.theirs[topup_id] = send_at

    async def _decide(self, step: str, count: int) -> None:
        if not self.sent:
            return
        topup_id = self.sent[count % len(self.sent)]
        found = await asked(self.account, topup_id)
        if found is not None:
            decision = "approved" if step == "approve" else "denied"
            await self.account.decide(topup_id, found.id, decision)

    async def _sweep(self) -> None:
        now_us = self.account.clock.now_us()
        open_before = {
            one for one in self.theirs if (await status_of(self.account, one))[0] == "scheduled"
        }
        other = open_engine(self.account.database, self.account.clock, self.account.rules)
        second = Releaser(self.account.database, self.account.clock, other)
        await asyncio.gather(sweep(self.account), second.sweep())
        await other.close()
        if self.is_gone:
            self.due_while_gone |= {one for one in open_before if self.theirs[one] <= now_us}


def _number(counted: list[int] = []) -> int:  # noqa: B006 one count for all examples
    counted.append(0)
    return len(counted)
