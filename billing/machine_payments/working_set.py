"""The machine payments of one transaction, with the codes that return money.

A payment is read after the machine account is locked; changes are written once.
"""

from collections.abc import Iterable

from billing.credits.code_batch import OneCode, insert_one
from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.machine_payments import payment as payments
from billing.machine_payments.payment import MachinePayment
from store.database import Transaction


class PaymentWorkingSet(WorkingSet):
    """Commands add in `declare`: ids, settlements to use, and asked, payments to find by name."""

    rank = 65

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.settlements: set[str] = set()
        self.asked: list[MachinePayment] = []
        self._found: dict[str, MachinePayment] = {}
        self._new: dict[str, MachinePayment] = {}
        self._changed: dict[str, MachinePayment] = {}
        self._codes: list[OneCode] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        found = await payments.load(tx, self.ids, self.settlements) if self.ids else []
        for one in self.asked:
            found += await payments.find_same(
                tx,
                one.environment,
                one.protocol,
                payment_ref=one.payment_ref,
                identifier=one.identifier,
            )
            # Of a card only the end of its token is known, which others may share.
            if one.protocol == payments.X402 and not one.request.distinct:
                since_us = now_us - payments.REPEAT_GUARD_US
                found += await payments.find_recent(
                    tx, one.environment, one.payer, since_us=since_us
                )
        self._found = {one.id: one for one in found}

    async def update(self, tx: Transaction, now_us: int) -> None:
        if self._new:
            await payments.insert(tx, list(self._new.values()))
        if self._changed:
            await payments.update(tx, list(self._changed.values()))
        for code in self._codes:
            await insert_one(tx, code, now_us=now_us)

    def hints(self) -> Iterable[str]:
        if any(
            one.next_check_at is not None for one in (*self._new.values(), *self._changed.values())
        ):
            yield payments.HINT

    def find(self, payment_id: str) -> MachinePayment:
        return self._found[payment_id]

    def same_as(self, asked: MachinePayment) -> list[MachinePayment]:
        return [
            one
            for one in self._found.values()
            if (one.environment, one.protocol) == (asked.environment, asked.protocol)
            and (one.payment_ref == asked.payment_ref or one.identifier == asked.identifier)
        ]

    def settled_by(self, settlement: str | None, asked: MachinePayment) -> MachinePayment | None:
        """Return the environment's other payment that the settlement settled."""
        for one in self._found.values():
            is_same = (one.settlement, one.environment) == (settlement, asked.environment)
            if is_same and one.settled_at is not None and one.id != asked.id:
                return one
        return None

    def looks_like(self, asked: MachinePayment, now_us: int) -> MachinePayment | None:
        """Return the payer's latest payment for the same request, within the guard's time."""
        alike = [
            one
            for one in self._found.values()
            if (one.protocol, one.environment, one.payer)
            == (asked.protocol, asked.environment, asked.payer)
            and one.request.wish == asked.request.wish
            and one.state in {"settling", "unknown", "paid"}
            and one.created_at > now_us - payments.REPEAT_GUARD_US
        ]
        return max(alike, key=lambda one: one.created_at, default=None)

    def add(self, payment: MachinePayment) -> None:
        self.changes += 1
        self._found[payment.id] = self._new[payment.id] = payment

    def change(self, payment: MachinePayment) -> None:
        self.changes += 1
        self._found[payment.id] = payment
        (self._new if payment.id in self._new else self._changed)[payment.id] = payment

    def add_code(self, code: OneCode) -> None:
        self.changes += 1
        self._codes.append(code)


def payments_of(state: BatchState) -> PaymentWorkingSet:
    return state.working_set(PaymentWorkingSet)
