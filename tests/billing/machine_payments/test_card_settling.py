"""A token is charged once and never after its challenge's end, however answers are lost and processes repeat."""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from billing.ledger.price import Price
from billing.machine_payments.facilitator import TokenFacilitator
from billing.machine_payments.payment import MPP
from billing.providers.abilities import (
    SharedToken,
    TokenCharge,
    TokenCharged,
    TokenDeclined,
    TokenOutcome,
)
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from kernel.clock import FixedClock
from kernel.errors import DomainError
from store.database import Database
from store.errors import StoreError
from tests.support.mortal_database import MortalDatabase
from tests.support.payment_machine import NUMBERS, Machine, open_machine

BEGIN_US = 1_780_000_000_000_000


@dataclass
class Bank:
    """A provider that keeps the first outcome of a charge. words: what befalls the next requests.

    lost: done, and nobody hears of it. away: nothing reached it. no: declined. locked: the operator's key was
    not accepted. dear: it says that it took another sum.
    """

    seller_id: str = "profile_ours"
    words: list[str] = field(default_factory=list)
    outcomes: dict[str, TokenOutcome] = field(default_factory=dict)
    charges: int = 0

    async def find_token(self, token: str) -> SharedToken | None:
        return SharedToken(None, None, is_ended=False)

    async def charge_token(self, request: TokenCharge) -> TokenOutcome:
        word = self.words.pop(0) if self.words else "yes"
        await asyncio.sleep(0)
        if word == "away":
            raise ProviderUnavailable("away")
        if word == "locked":
            raise ProviderRefused("the key is not accepted")
        if request.payment_id not in self.outcomes:
            self.outcomes[request.payment_id] = self._made(request, word)
        if word == "lost":
            raise ProviderUnavailable("lost")
        return self.outcomes[request.payment_id]

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        return self.outcomes.get(payment_id)

    def is_charged(self, payment_id: str) -> bool:
        return isinstance(self.outcomes.get(payment_id), TokenCharged)

    def _made(self, request: TokenCharge, word: str) -> TokenOutcome:
        if word == "no":
            return TokenDeclined("card_declined")
        self.charges += 1
        price = Price(1, "USD") if word == "dear" else request.price
        return TokenCharged(f"pi_{request.payment_id}", price)


async def opened(database: Database, clock: FixedClock, *words: str) -> tuple[Machine, Bank]:
    bank = Bank(words=list(words))
    return await open_machine(database, clock, TokenFacilitator(bank, clock), protocol=MPP), bank


async def test_a_charge_of_another_sum_waits_for_a_person(
    database: Database, clock: FixedClock
) -> None:
    machine, _ = await opened(database, clock, "dear")

    stuck = await machine.pay(machine.payment(1))

    assert stuck.needs_review
    assert await machine.delivered() == 0
    assert await machine.findings() == []


async def test_a_refusal_of_our_key_after_a_lost_answer_proves_nothing(
    database: Database, clock: FixedClock
) -> None:
    machine, bank = await opened(database, clock, "lost", "locked")

    await machine.pay(machine.payment(1))
    await machine.sweep()
    [unsure] = await machine.rows()
    await machine.sweep()

    assert unsure.state == "unknown"
    assert (await machine.delivered(), bank.charges) == (1, 1)


_STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["pay", "pay", "sweep", "late", "crash"]),
        strategies.integers(0, 2),  # which payment
        strategies.sampled_from(["yes", "lost", "away", "no", "locked"]),
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
async def test_no_order_of_things_charges_twice_or_loses_what_was_charged(
    database: Database, steps: list[tuple[str, int, str, str]]
) -> None:
    machine, bank = await opened(database, FixedClock(BEGIN_US))
    base = next(NUMBERS) * 10
    for step, number, word, to in steps:
        bank.words.append(word)
        payment = machine.payment(base + number, recipient_email=to)
        with contextlib.suppress(DomainError, StoreError):
            if step == "pay":
                await asyncio.gather(
                    machine.pay(payment), machine.pay(payment), return_exceptions=True
                )
            elif step == "crash":
                mortal = MortalDatabase(database, 2, is_committed=number == 0)
                await replace(machine, database=mortal).pay(payment)
            else:
                # A challenge is good for an hour here.
                await machine.sweep(after_s=4000 if step == "late" else 600)
    bank.words.clear()
    for _ in range(3):
        # Until nobody is asked any more.
        await asyncio.gather(machine.sweep(after_s=4000), machine.sweep(after_s=4000))

    mine = {f"ref-{base + number}" for number in range(3)}
    found = [one for one in await machine.rows() if one.payment_ref in mine]
    for row in found:
        if bank.is_charged(row.id):
            assert row.state in {"paid", "refunded"}
        else:
            # Nobody knows of a charge that was never made: where no answer said so, a person decides.
            assert row.state == "refused" or row.needs_review
    # One charge for each payment, and none of a payment that has no row.
    assert bank.charges == sum(bank.is_charged(row.id) for row in found)
    assert await machine.findings() == []
