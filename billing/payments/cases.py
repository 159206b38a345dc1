"""What needs an operator in one order: what was expected, what came, and what may be done.

A case is an unresolved notification, or an order in review without one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from billing.ledger.price import Price
from billing.orders import refund_row, uncredited_payment
from billing.orders.order import Order
from billing.orders.refund_row import Refund
from billing.orders.uncredited import is_uncredited, sent_back
from billing.payments.review import OpenReview, waiting_of
from billing.providers import event_log
from billing.providers.event_log import LogEntry
from billing.providers.problem import in_words
from billing.subscriptions import held_invoice, records as subscription_rows
from billing.subscriptions.held_invoice import HeldInvoice
from billing.subscriptions.subscription import Period
from store.database import Transaction

# comp: give a period free, on the subscription's page.
CaseAct = Literal[
    "credit_paid", "credit_price", "credit_part", "comp", "refund", "reject", "dismiss"
]


@dataclass(frozen=True, slots=True)
class SpareMoney:
    """An uncredited payment. left: what of it is here; refund: its open one."""

    ref: str
    paid: Price
    left: Price
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """reason: one word, null if unknown; money: what it is about, if that is here."""

    sentence: str
    reason: str | None
    expected: str
    came: str
    since: int
    money: SpareMoney | None = None


@dataclass(frozen=True, slots=True)
class OrderCases:
    """An order's cases, oldest first. spare: its uncredited money. can_credit: an operator may credit it;
    else its period is already paid.
    """

    cases: Sequence[Case]
    spare: Sequence[SpareMoney]
    subscription_id: str | None = None
    can_credit: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.cases)

    @property
    def under_way(self) -> Refund | None:
        """Return a refund that hasn't ended: nothing is decided until then."""
        return next((one.refund for one in self.spare if one.refund is not None), None)

    def acts(self, order: Order, waiting: OpenReview) -> list[CaseAct]:
        can_go_back = any(
            one.money is not None and one.money.refund is None and one.money.left.amount > 0
            for one in self.cases
        )
        refunds: list[CaseAct] = ["refund"] if can_go_back else []
        if not self.is_open or self.under_way is not None:
            return refunds
        found: list[CaseAct] = []
        came, price = waiting.came, waiting.price
        if self.can_credit:
            is_same = came is not None and came.currency == price.currency
            if is_same and came is not None and came.amount < price.amount:
                found.append("credit_paid")
            found += ["credit_price", "credit_part"]
            found += ["comp"] if waiting.invoice_id is not None else []
        return [*found, *refunds, "reject" if order.status == "review" else "dismiss"]


async def open_review(tx: Transaction, order: Order) -> OpenReview:
    if order.kind != "subscription":
        gone = sent_back(order, await refund_row.load(tx, [order.id]))
        return waiting_of(order, None, [], gone)
    begun = await subscription_rows.find_by_order(tx, order.id)
    held = [] if begun is None else await held_invoice.load(tx, [begun.id])
    return waiting_of(order, begun, held)


async def cases_of(tx: Transaction, order: Order) -> OrderCases:
    entries = (await event_log.open_of(tx, [order.id])).get(order.id, [])
    if order.kind != "subscription":
        spare = await _spare(tx, order, (), ())
        return _made(order, entries, spare, can_credit=order.status == "review")
    begun = await subscription_rows.find_by_order(tx, order.id)
    if begun is None:
        return _made(order, entries, await _spare(tx, order, (), ()), can_credit=False)
    held = await held_invoice.load(tx, [begun.id])
    periods = (await subscription_rows.load_periods(tx, [begun.id])).get(begun.id, [])
    spare = await _spare(tx, order, held, periods)
    starts = {one.period_start_at for one in periods if one.comp_ended_at is None}
    can_credit = held[0].period_start_at not in starts if held else order.status == "review"
    # A partly returned payment pays for no part of its period: approving it is refused.
    ref = held[0].invoice_id if held else order.payment_id
    waiting = spare.get(ref or "")
    is_whole = waiting is None or waiting.left == waiting.paid
    return _made(
        order, entries, spare, subscription_id=begun.id, can_credit=can_credit and is_whole
    )


def _made(
    order: Order,
    entries: Iterable[LogEntry],
    spare: Mapping[str, SpareMoney],
    *,
    subscription_id: str | None = None,
    can_credit: bool,
) -> OrderCases:
    listed = list(spare.values())
    cases = [_of_entry(entry, spare) for entry in entries]
    if not cases and order.status == "review":
        came = in_words(order.payment) if order.paid_amount is not None else ""
        money = None if order.payment_id is None else spare.get(order.payment_id)
        words = order.reason or "a decision"
        cases = [Case(words, None, in_words(order.price), came, order.created_at, money)]
    return OrderCases(cases, listed, subscription_id, can_credit)


def _of_entry(entry: LogEntry, spare: Mapping[str, SpareMoney]) -> Case:
    problem = entry.problem
    if problem is None:
        return Case(entry.detail, None, "", "", entry.received_at)
    money = None if problem.payment_ref is None else spare.get(problem.payment_ref)
    return Case(
        problem.sentence, problem.reason, problem.expected, problem.came, entry.received_at, money
    )


async def _spare(
    tx: Transaction, order: Order, held: Iterable[HeldInvoice], periods: Sequence[Period]
) -> dict[str, SpareMoney]:
    rows = await uncredited_payment.of_orders(tx, [order.id])
    credited = {one.invoice_id for one in periods}
    asked = await refund_row.load(tx, [order.id, *(one.id for one in rows)])
    under_way = {one.owner_id: one for one in asked if one.is_open}
    found: dict[str, SpareMoney] = {}
    for row in rows:
        if row.payment_ref not in credited:
            left = Price(row.left_amount, row.currency)
            refund = under_way.get(row.id)
            found[row.payment_ref] = SpareMoney(row.payment_ref, row.price, left, refund)
    for one in held:
        found.setdefault(one.invoice_id, SpareMoney(one.invoice_id, one.paid, one.paid))
    ref, is_plan = order.payment_id, order.kind == "subscription"
    is_waiting = order.status in {"review", "failed"} and ref not in credited
    if ref is not None and (is_waiting if is_plan else is_uncredited(order)):
        paid = order.payment
        gone = sum(
            one.amount for one in asked if one.owner_id == order.id and one.status == "succeeded"
        )
        left = Price(max(0, paid.amount - max(gone, order.refunded_amount)), paid.currency)
        found.setdefault(ref, SpareMoney(ref, paid, left, under_way.get(order.id)))
    return found
