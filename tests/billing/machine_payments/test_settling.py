"""One payment is one top-up or one code that gives it back: whoever asks, dies, repeats or lies on the way."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from billing.engine.limit import LooksRepeated
from billing.machine_payments import payment as payments
from billing.machine_payments.facilitator import Expected, Settlement, Verified
from billing.machine_payments.payment import MPP, PaymentUsed
from billing.topups.topup import DeliveryOptions
from kernel.clock import FixedClock
from kernel.errors import DomainError, InvalidInput, Unavailable
from store.database import Database
from store.errors import StoreError
from tests.support.mortal_database import MortalDatabase
from tests.support.payment_machine import NUMBERS, Machine, open_machine
from worker.money.provider_calls import MachinePayer
from worker.woken_loop import Poll


@dataclass
class Chain:
    """A facilitator that charges a payment once. words: how the next questions end; then all end well.

    lost: charged, and nobody hears of it. away: nothing reached it. no: refused. stopped: the process that asks
    stands still until `resumed`; its question is answered then. charged: the same, once the money had moved.
    repeat: nothing moves, and it gives the transaction of the payment that it charged last.
    """

    words: list[str] = field(default_factory=list)
    charged: Counter[bytes] = field(default_factory=Counter)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)
    last: bytes | None = None

    async def verify(self, request: bytes, expected: Expected) -> Verified:
        return Verified(is_valid=True)

    async def settle(self, request: bytes, expected: Expected) -> Settlement:
        word = self.words.pop(0) if self.words else "yes"
        await asyncio.sleep(0)
        if word in {"stopped", "charged"}:
            self.stopped.set()
            await self.resumed.wait()
            word = "no" if word == "stopped" else "yes"
        if word == "repeat" and self.last is not None and not self.charged[request]:
            # As an EVM network's explorer may write it.
            return Settlement("settled", transaction="0x" + self.last.hex().upper())
        if word == "away":
            return Settlement("unknown", "no connection")
        if word == "no" and not self.charged[request]:
            return Settlement("refused", "insufficient_funds")
        if word == "no":
            return Settlement("refused", "nonce_already_used")
        self.charged[request] += 1
        self.last = request
        if word == "lost":
            return Settlement("unknown", "no answer", is_lost=True)
        return Settlement("settled", transaction="0x" + request.hex())


async def opened(
    database: Database, clock: FixedClock, words: list[str] | None = None
) -> tuple[Machine, Chain]:
    chain = Chain(words or [])
    return await open_machine(database, clock, chain), chain


@pytest.mark.long
@pytest.mark.parametrize("is_committed", [False, True], ids=["before", "after"])
async def test_a_payment_survives_a_death_at_any_of_its_writes(
    database: Database, clock: FixedClock, is_committed: bool
) -> None:
    machine, _ = await opened(database, clock)
    deaths = 0
    for nth in range(1, 10):
        mortal = MortalDatabase(database, nth, is_committed=is_committed)
        payment = machine.payment(nth)
        dying = replace(machine, database=mortal)
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
    machine, chain = await opened(database, clock)
    await machine.pay(machine.payment(0))
    # Charged, and the process dies before it can write that down.
    mortal = MortalDatabase(database, 3, is_committed=False)
    with contextlib.suppress(StoreError, Unavailable):
        await replace(machine, database=mortal).pay(machine.payment(1, distinct=True))
    assert mortal.is_dead
    assert sorted(chain.charged.values()) == [1, 1]

    chain.words.append("no")
    await machine.sweep()
    [row] = [one for one in await machine.rows() if one.payment_ref == "ref-1"]
    assert (row.state, row.is_lost) == ("unknown", True)
    await machine.sweep()

    assert await machine.delivered() == 2
    assert await machine.findings() == []


async def test_payments_that_nobody_can_settle_any_more_hide_no_other(
    database: Database, clock: FixedClock
) -> None:
    machine, chain = await opened(database, clock, ["away"])
    number = MachinePayer.under_way_max
    gone = replace(machine, protocol=MPP, facilitator=Chain(["away"] * number))
    for nth in range(number):
        await gone.pay(gone.payment(nth, distinct=True))
    clock.advance_s(1)
    await machine.pay(machine.payment(number, distinct=True))
    loop = MachinePayer(database, clock, machine.paying)

    # Its process has a facilitator for the last one alone.
    clock.advance_s(600)
    handled = await loop.step()

    assert handled == 1
    assert sorted(chain.charged.values()) == [1]
    # Nor do they wake it each second.
    look = Poll(clock.now_us(), 1, (), ())
    assert await database.read(lambda tx: loop._next_at(tx, look)) is None


async def test_only_a_payment_that_may_be_charged_stands_in_the_way_of_another(
    database: Database, clock: FixedClock
) -> None:
    machine, chain = await opened(database, clock, ["no", "away"])
    refused = await machine.pay(machine.payment(0))
    # Nothing was charged, so the same wish is paid for anew; while nobody knows, it may yet be charged.
    unsure = await machine.pay(machine.payment(1))
    with pytest.raises(LooksRepeated):
        await machine.pay(machine.payment(2))
    person_looked = await machine.decide(unsure, "refused")
    paid = await machine.pay(machine.payment(3))

    states = [one.state for one in (refused, unsure, person_looked, paid)]
    assert states == ["refused", "unknown", "refused", "paid"]
    assert chain.charged == {b"ref-3": 1}
    assert await machine.delivered() == 1
    assert await machine.findings() == []


async def test_a_refusal_of_one_who_was_overtaken_proves_nothing(
    database: Database, clock: FixedClock
) -> None:
    machine, chain = await opened(database, clock, ["stopped", "stopped", "yes"])
    first = asyncio.create_task(machine.pay(machine.payment(0)))
    await chain.stopped.wait()
    # The process stands still past its lease; a worker takes the payment up, and waits for its block.
    chain.stopped.clear()
    second = asyncio.create_task(machine.sweep())
    await chain.stopped.wait()
    # The worker's question moved the money, though its answer is not there yet.
    chain.charged[b"ref-0"] = 1
    chain.resumed.set()

    await asyncio.gather(first, second)
    [row] = await machine.rows()
    assert (row.state, row.is_lost) == ("unknown", True)
    await machine.sweep()

    assert [one.state for one in await machine.rows()] == ["paid"]
    assert await machine.delivered() == 1
    assert await machine.findings() == []


async def test_nobody_decides_while_somebody_asks(database: Database, clock: FixedClock) -> None:
    machine, chain = await opened(database, clock, ["stopped"])
    paying = asyncio.create_task(machine.pay(machine.payment(0)))
    await chain.stopped.wait()
    [row] = await machine.rows()

    with pytest.raises(InvalidInput, match="The payment is being checked"):
        await machine.decide(row, "refused")
    chain.resumed.set()
    ended = await paying

    # What the chain says, and not the person, counts: here it refused.
    assert (ended.state, ended.detail) == ("refused", "insufficient_funds")
    assert await machine.findings() == []


async def test_what_was_settled_after_a_person_called_it_refused_is_given_back(
    database: Database, clock: FixedClock
) -> None:
    machine, chain = await opened(database, clock, ["charged"])
    paying = asyncio.create_task(machine.pay(machine.payment(0)))
    await chain.stopped.wait()
    # The process stands still past its lease, and the person looks before the money moves.
    clock.advance_s(61)
    [row] = await machine.rows()
    refused = await machine.decide(row, "refused")
    chain.resumed.set()
    ended = await paying

    assert (refused.state, ended.state) == ("refused", "refunded")
    assert machine.paying.refund_code_of(ended) is not None
    assert await machine.delivered() == 0
    assert await machine.findings() == []


async def test_a_person_can_say_later_that_a_refused_one_was_settled(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock, ["no"])
    refused = await machine.pay(machine.payment(0))

    ended = await machine.decide(refused, "settled", settlement="0xabc")
    with pytest.raises(InvalidInput, match="already ended: refunded"):
        await machine.decide(refused, "settled", settlement="0xabc")

    assert (ended.state, ended.settlement) == ("refunded", "0xabc")
    assert await machine.delivered() == 0
    assert await machine.findings() == []


async def test_a_transaction_that_is_told_twice_is_credited_once(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock, ["yes", "repeat"])
    paid = await machine.pay(machine.payment(0))
    told = await machine.pay(machine.payment(1, distinct=True))

    assert (told.state, told.needs_review, told.settled_at) == ("unknown", True, None)
    assert told.detail == (
        f"Transaction {paid.settlement} already settled payment {paid.id}."
        " The facilitator gave it for this payment too: look this one up."
    )
    # The person who looks it up cannot credit the same transfer again, however it is spelt.
    for settlement in (f"{paid.settlement}", f" {paid.settlement}".upper().replace("X", "x")):
        with pytest.raises(InvalidInput, match=f"already settled payment {paid.id}") as refused:
            await machine.decide(told, "settled", settlement=settlement)
        assert refused.value.param == "settlement"
    # One transaction may hold a transfer for each of them; its log index tells them apart.
    ended = await machine.decide(told, "settled", settlement=f"{paid.settlement}:17")
    assert (ended.state, ended.settlement) == ("paid", f"{paid.settlement}:17")
    assert await machine.delivered() == 2
    assert await machine.findings() == []


async def test_a_payment_whose_transaction_another_one_took_is_settled_by_its_own(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock, ["yes", "repeat", "yes"])
    await machine.pay(machine.payment(0))
    told = await machine.pay(machine.payment(1, distinct=True))
    # Nobody asks by itself any more; an operator does, and the facilitator has found the right one.
    await machine.sweep()
    asked = await machine.paying.check_again(told.id)

    assert (asked.state, asked.settlement) == ("paid", "0x" + b"ref-1".hex())
    assert await machine.delivered() == 2
    assert await machine.findings() == []


async def test_of_a_refused_one_a_transaction_that_another_one_has_gives_nothing_back(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock, ["yes", "no"])
    paid = await machine.pay(machine.payment(0))
    refused = await machine.pay(machine.payment(1, distinct=True))

    with pytest.raises(InvalidInput, match="already settled payment"):
        await machine.decide(refused, "settled", settlement=paid.settlement)

    [row] = [one for one in await machine.rows() if one.id == refused.id]
    assert (row.state, row.refund_code) == ("refused", None)
    assert await machine.findings() == []


async def test_two_processes_that_are_told_one_transaction_at_once_credit_it_once(
    database: Database, clock: FixedClock
) -> None:
    machine, chain = await opened(database, clock, ["yes"])
    await machine.pay(machine.payment(0))
    # The first charge is not written down by anybody: each of these is told its transaction.
    chain.charged.clear()
    chain.last = b"lost"
    chain.words[:] = ["repeat"] * 6
    # Each `pay` has an engine of its own, as processes have.
    await asyncio.gather(*(machine.pay(machine.payment(n, distinct=True)) for n in range(1, 7)))

    others = [one for one in await machine.rows() if one.payment_ref != "ref-0"]
    assert Counter(one.state for one in others) == {"paid": 1, "unknown": 5}
    assert all(one.needs_review for one in others if one.state == "unknown")
    assert await machine.delivered() == 2
    assert await machine.findings() == []


async def test_what_only_settling_needs_is_dropped_at_the_end(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock, ["yes", "no", "away"])
    for number in range(3):
        words = DeliveryOptions(message="for your birthday")
        await machine.pay(machine.payment(number, delivery=words, distinct=True))

    kept = {one.state: (bool(one.proof), one.request.delivery) for one in await machine.rows()}

    assert kept == {
        "paid": (False, None),
        "refused": (False, None),
        "unknown": (True, DeliveryOptions(message="for your birthday")),
    }


async def test_what_an_older_process_left_in_a_payment_is_dropped(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock)
    asked = machine.payment(0, delivery=DeliveryOptions(message="for your birthday"))
    ended = await machine.pay(asked)
    older = msgspec.structs.replace(ended, proof=asked.proof, request=asked.request)
    await database.transaction(lambda tx: payments.update_payments(tx, [older]))

    dropped = [
        await database.transaction(lambda tx: payments.drop_private(tx, limit=500))
        for _ in range(2)
    ]

    assert dropped == [1, 0]
    assert await machine.rows() == [ended]


async def test_the_first_of_two_requests_decides_what_a_payment_is_for(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock)
    one, other = machine.payment(1), machine.payment(1, recipient_email="me@example.com")

    done = await asyncio.gather(machine.pay(one), machine.pay(other), return_exceptions=True)

    assert sum(isinstance(result, PaymentUsed) for result in done) == 1
    assert await machine.delivered() == 1
    assert await machine.findings() == []


_STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["pay", "pay", "sweep", "crash"]),
        strategies.integers(0, 2),  # which payment
        strategies.sampled_from(["yes", "lost", "away", "no", "repeat"]),
        strategies.sampled_from(["user@example.com", "failed@sandbox.test"]),
        strategies.booleans(),  # whether its payer says distinct
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
    database: Database, steps: list[tuple[str, int, str, str, bool]]
) -> None:
    machine, chain = await opened(database, FixedClock(1_780_000_000_000_000))
    base = next(NUMBERS) * 10
    for step, number, word, to, is_distinct in steps:
        chain.words.append(word)
        payment = machine.payment(base + number, recipient_email=to, distinct=is_distinct)
        with contextlib.suppress(DomainError, StoreError):
            if step == "pay":
                await asyncio.gather(
                    machine.pay(payment), machine.pay(payment), return_exceptions=True
                )
            elif step == "crash":
                mortal = MortalDatabase(database, 2, is_committed=number == 0)
                await replace(machine, database=mortal).pay(payment)
            else:
                await machine.sweep()
    chain.words.clear()
    for _ in range(3):
        await asyncio.gather(machine.sweep(), machine.sweep())

    mine = {f"ref-{base + number}" for number in range(3)}
    found = [one for one in await machine.rows() if one.payment_ref in mine]
    settled = [one.settlement for one in found if one.settled_at is not None]
    # Each credit has a transfer of its own, whoever was told of it.
    assert len(settled) == len(set(settled)) <= sum(times > 0 for times in chain.charged.values())
    for row in found:
        is_charged = chain.charged[row.payment_ref.encode()] > 0
        is_told_twice = row.needs_review and "already settled payment" in (row.detail or "")
        is_known = row.settlement == "0x" + row.payment_ref.encode().hex()
        if not is_told_twice and (is_known or row.settled_at is None):
            assert row.state in ({"paid", "refunded"} if is_charged else {"refused"})
    assert await machine.findings() == []
