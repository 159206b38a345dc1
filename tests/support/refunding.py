"""Refunds at the engine, and a provider that answers them as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.ledger.price import Price
from billing.orders import refund as refund_rows
from billing.orders.order import Order
from billing.orders.refund import Refund
from billing.payments.review import CaseAct, cases_of, open_review
from billing.proof.audit import Finding, audit
from billing.providers.abilities import RefundReport, RefundRequest
from billing.providers.protocol import Refunded, RefundFailed, Subject
from billing.refunds.commands import (
    DecideRefund,
    RefundMethod,
    RefundVerdict,
    RequestRefund,
    SettleRefund,
)
from kernel.ids import new_id
from keys.audit_log import Actor
from store.database import Transaction
from tests.support.buyer import Buyer

STRIPE = RefundMethod(tells_parts=True)
CREEM = RefundMethod(takes_part=False, is_named=False)
EPAY = RefundMethod(is_named=False)


@dataclass(slots=True)
class Refunding:
    """A buyer's orders refunded, without a provider: its words are given here."""

    buyer: Buyer
    way: RefundMethod = STRIPE

    async def ask(self, order: Order, amount: int | None = None, **fields: Any) -> Refund:
        return await self.buyer.engine.submit(
            RequestRefund(
                **{
                    "refund_id": new_id("rfd"),
                    "order_id": order.id,
                    "tenant": order.tenant,
                    "reason": "bought twice",
                    "actor": Actor(),
                    "way": self.way,
                    "amount": amount,
                    **fields,
                }
            )
        )

    async def settle(self, refund: Refund, word: RefundReport) -> Refund:
        return await self.buyer.engine.submit(SettleRefund(**names_of(refund), word=word))

    async def decide(self, refund: Refund, verdict: RefundVerdict, **fields: Any) -> Refund:
        made = DecideRefund(
            **names_of(refund),
            verdict=verdict,
            reason="seen there",
            actor=Actor(),
            tells_parts=self.way.tells_parts,
            **fields,
        )
        return await self.buyer.engine.submit(made)

    async def now(self, refund: Refund) -> Refund:
        """The refund as it is stored."""
        return await self.buyer.account.database.read(
            lambda tx: refund_rows.find(tx, refund.id, refund.environment)
        )

    async def findings(self) -> list[Finding]:
        return [one async for one in audit(self.buyer.account.database)]


def names_of(refund: Refund) -> dict[str, Any]:
    """Which refund a command is about."""
    return {
        "refund_id": refund.id,
        "order_id": refund.order_id,
        "owner_id": refund.owner_id,
        "period_start_at": refund.period_start_at,
        "tenant": refund.tenant,
    }


def made(refund: Refund, key: str = "re_1", *, is_part: bool = True, **fields: Any) -> RefundReport:
    """The provider's yes."""
    fact = Refunded(Subject(refund.order_id, (refund.id,)), key, refund.price, is_part, **fields)
    return RefundReport("pending" if fact.is_pending else "succeeded", key, fact)


def came_back(refund: Refund, key: str = "re_1", *, is_part: bool = True) -> RefundReport:
    """What was on its way did not arrive."""
    fact = RefundFailed(Subject(refund.order_id, (refund.id,)), key, refund.price, is_part)
    return RefundReport("failed", key, fact)


Answer = RefundReport | Exception | None


@dataclass(slots=True)
class ScriptedRefunds:
    """Keeps the ability's protocol: each question gets the next answer, and is kept."""

    answers: list[Answer]
    takes_part: bool = True
    is_named: bool = True
    is_repeatable: bool = True
    tells_parts: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def refund(self, request: RefundRequest) -> RefundReport:
        word = self._next("refund", request)
        assert word is not None, "a request is answered"
        return word

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        return self._next("find", request)

    def _next(self, verb: str, request: RefundRequest) -> RefundReport | None:
        self.asked.append((verb, request.id))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def verbs(self) -> Sequence[str]:
        return [verb for verb, _ in self.asked]


def usd(amount: int) -> Price:
    return Price(amount, "USD")


async def acts_of(tx: Transaction, order: Order) -> list[CaseAct]:
    """What is right to do about the order now."""
    return (await cases_of(tx, order)).acts(order, await open_review(tx, order))
