"""One payment is one top-up or one code that gives it back: whoever asks, dies, repeats or lies on the way."""

import asyncio
import contextlib
import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from msgspec.structs import replace

from billing.credits.redemption_code import RedemptionCodes
from billing.ledger.audit import audit
from billing.machine_payments import payment as payments
from billing.machine_payments.account import MACHINE_ACCOUNT, open_machine_account
from billing.machine_payments.facilitator import Expected, Settlement, Verified
from billing.machine_payments.offer import offers_of
from billing.machine_payments.payment import MachinePayment, PaidRequest, PaymentUsed
from billing.machine_payments.settling import MachinePayments
from kernel.clock import FixedClock
from kernel.errors import DomainError, Unavailable
from kernel.ids import new_id
from keys.vault import Vault
from store.database import Database, Transaction
from store.errors import StoreError
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.mortal_database import MortalDatabase
from worker.money.machine_pay import MachinePayer

CODES = RedemptionCodes(b"c" * 32)
VAULT = Vault([b"v" * 32])
HOUR_US = 3_600_000_000


@dataclass
class Chain:
    """A facilitator that charges a payment once. words: how the next questions end; then all end well.

    lost: charged, and nobody hears of it. away: nothing reached it. no: refused. stopped: the process that asks
    stands still until `resumed`; its question is answered then.
    """

    words: list[str] = field(default_factory=list)
    charged: Counter[bytes] = field(default_factory=Counter)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)

    async def verify(self, request: bytes, expected: Expected) -> Verified:
        return Verified(is_valid=True)

    async def settle(self, request: bytes, expected: Expected) -> Settlement:
        word = self.words.pop(0) if self.words else "yes"
        await asyncio.sleep(0)
        if word == "stopped":
            self.stopped.set()
            await self.resumed.wait()
            word = "no"
        if word == "away":
            return Settlement("unsure", "no connection")
        if word == "no" and not self.charged[request]:
            return Settlement("refused", "insufficient_funds")
        if word == "no":
            return Settlement("refused", "nonce_already_used")
        self.charged[request] += 1
        if word == "lost":
            return Settlement("unsure", "no answer", is_lost=True)
        return Settlement("settled", transaction="0x" + request.hex())


@dataclass
class Machine:
    """The machine payments of a process over that chain."""

    account: FundedAccount
    chain: Chain
    database: Database

    @property
    def paying(self) -> MachinePayments:
        clock = self.account.clock
        engine = open_engine(self.database, clock, self.account.rules)
        offers = offers_of(None, "")
        return MachinePayments(
            self.database, clock, engine, VAULT, CODES, offers, {"staging": self.chain}
        )

    def payment(self, number: int, **request: Any) -> MachinePayment:
        """The payment of that number, as its request brings it."""
        now_us = self.account.clock.now_us()
        fields: dict[str, Any] = {
            "platform": "claude",
            "amount_cents": 1000,
            "recipient_email": "user@example.com",
            **request,
        }
        asked = PaidRequest(**fields)
        made = MachinePayment(
            id=new_id("mpy"),
            account_id=MACHINE_ACCOUNT,
            environment="staging",
            spent_by=(),
            door="x402",
            payment_ref=f"ref-{number}",
            identifier=f"id-{number}",
            body_digest=f"{asked}",
            request=asked,
            network="eip155:84532",
            asset="0xa",
            payer="0xb",
            amount="10000000",
            charged_cents=asked.charged_cents,
            proof="",
            transaction_id=new_id("txn"),
            expires_at=now_us + HOUR_US,
            created_at=now_us,
        )
        return replace(made, proof=self.paying.seal(made.id, made.payment_ref.encode()))

    async def pay(self, payment: MachinePayment) -> MachinePayment:
        await open_machine_account(self.database, now_us=self.account.clock.now_us())
        return await self.paying.pay(payment)

    async def sweep(self) -> None:
        """A worker's look, after every pause is over."""
        self.account.clock.advance_s(600)
        await MachinePayer(self.database, self.account.clock, self.paying).step()

    async def rows(self) -> list[MachinePayment]:
        return await self.account.database.read(
            lambda tx: payments.page(tx, "staging", state=None, before_id=None, limit=100)
        )

    async def delivered(self) -> int:
        """How many top-ups the machine account has that were delivered."""

        async def work(tx: Transaction) -> int:
            row = await tx.fetch_one(
                """SELECT COUNT(*) AS n FROM topups
                   WHERE account_id = :id AND status = 'delivered'""",
                id=MACHINE_ACCOUNT,
            )
            assert row is not None
            return int(row["n"])

        return await self.account.database.read(work)

    async def findings(self) -> list[Any]:
        return [one async for one in audit(self.account.database)]


_NUMBERS = itertools.count()


async def opened(database: Database, clock: FixedClock, words: list[str] | None = None) -> Machine:
    account = await open_funded_account(
        database, clock, email=f"m{next(_NUMBERS)}-{os.getpid()}@example.com"
    )
    return Machine(account, Chain(words or []), database)


@pytest.mark.long
@pytest.mark.parametrize("is_committed", [False, True], ids=["before", "after"])
async def test_a_payment_survives_a_death_at_any_of_its_writes(
    database: Database, clock: FixedClock, is_committed: bool
) -> None:
    machine = await opened(database, clock)
    deaths = 0
    for nth in range(1, 10):
        mortal = MortalDatabase(database, nth, is_committed=is_committed)
        payment = machine.payment(nth)
        dying = Machine(machine.account, machine.chain, mortal)
        with contextlib.suppress(StoreError, Unavailable, DomainError):
            await dying.pay(payment)
        deaths += mortal.is_dead
        # The payer comes again, and a worker looks, at once: in another process each.
        await asyncio.gather(machine.pay(machine.payment(nth)), machine.sweep())
        await machine.sweep()

        [row] = [one for one in await machine.rows() if one.payment_ref == f"ref-{nth}"]
        assert row.state == "paid"
        assert await machine.delivered() == nth
        assert await machine.findings() == []

    # The row of the payment, and its end; the first time the machine account, too.
    assert deaths >= 2


async def test_a_refusal_after_a_death_proves_nothing(
    database: Database, clock: FixedClock
) -> None:
    machine = await opened(database, clock)
    await machine.pay(machine.payment(0))
    # Charged, and the process dies before it can write that down.
    mortal = MortalDatabase(database, 3, is_committed=False)
    with contextlib.suppress(StoreError, Unavailable):
        await Machine(machine.account, machine.chain, mortal).pay(machine.payment(1))
    assert mortal.is_dead
    assert sorted(machine.chain.charged.values()) == [1, 1]

    machine.chain.words.append("no")
    await machine.sweep()
    [row] = [one for one in await machine.rows() if one.payment_ref == "ref-1"]
    assert (row.state, row.is_lost) == ("unsure", True)
    await machine.sweep()

    assert await machine.delivered() == 2
    assert await machine.findings() == []


async def test_a_refusal_of_one_who_was_overtaken_proves_nothing(
    database: Database, clock: FixedClock
) -> None:
    machine = await opened(database, clock, ["stopped", "stopped", "yes"])
    first = asyncio.create_task(machine.pay(machine.payment(0)))
    await machine.chain.stopped.wait()
    # The process stands still past its lease; a worker takes the payment up, and waits for its block.
    machine.chain.stopped.clear()
    second = asyncio.create_task(machine.sweep())
    await machine.chain.stopped.wait()
    # The worker's question moved the money, though its answer is not there yet.
    machine.chain.charged[b"ref-0"] = 1
    machine.chain.resumed.set()

    await asyncio.gather(first, second)
    [row] = await machine.rows()
    assert (row.state, row.is_lost) == ("unsure", True)
    await machine.sweep()

    assert [one.state for one in await machine.rows()] == ["paid"]
    assert await machine.delivered() == 1
    assert await machine.findings() == []


async def test_the_first_of_two_requests_decides_what_a_payment_is_for(
    database: Database, clock: FixedClock
) -> None:
    machine = await opened(database, clock)
    one, other = machine.payment(1), machine.payment(1, recipient_email="me@example.com")

    done = await asyncio.gather(machine.pay(one), machine.pay(other), return_exceptions=True)

    assert sum(isinstance(result, PaymentUsed) for result in done) == 1
    assert await machine.delivered() == 1
    assert await machine.findings() == []


_STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["pay", "pay", "sweep", "crash"]),
        strategies.integers(0, 2),  # which payment
        strategies.sampled_from(["yes", "lost", "away", "no"]),
        strategies.sampled_from(["user@example.com", "failed@sandbox.test"]),
    ),
    max_size=10,
)


@pytest.mark.one_database
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS)
async def test_no_order_of_things_charges_twice_or_loses_what_was_paid(
    database: Database, steps: list[tuple[str, int, str, str]]
) -> None:
    machine = await opened(database, FixedClock(1_780_000_000_000_000))
    base = next(_NUMBERS) * 10
    for step, number, word, to in steps:
        machine.chain.words.append(word)
        payment = machine.payment(base + number, recipient_email=to)
        with contextlib.suppress(DomainError, StoreError):
            if step == "pay":
                await asyncio.gather(
                    machine.pay(payment), machine.pay(payment), return_exceptions=True
                )
            elif step == "crash":
                mortal = MortalDatabase(database, 2, is_committed=number == 0)
                await Machine(machine.account, machine.chain, mortal).pay(payment)
            else:
                await machine.sweep()
    machine.chain.words.clear()
    for _ in range(3):
        await asyncio.gather(machine.sweep(), machine.sweep())

    mine = {f"ref-{base + number}" for number in range(3)}
    for row in [one for one in await machine.rows() if one.payment_ref in mine]:
        is_charged = machine.chain.charged[row.payment_ref.encode()] > 0
        assert row.state in ({"paid", "refunded"} if is_charged else {"refused"})
    assert await machine.findings() == []
