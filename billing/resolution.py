"""An operator decides what no rule may: an order in review, a second payment of a paid one.

Promise: each decision is kept in the log of notifications with who took it, and is taken once.
Approving credits the order as if its frozen price had been paid; rejecting ends it uncredited. A
settled order can be dismissed only: what its notifications left open was dealt with elsewhere, such
as by refunding a second payment at the provider.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from billing.audit_shelf import AuditShelf
from billing.books import Books
from billing.ledger import Scope
from billing.needs import Needs
from billing.order import REASON_CHARACTERS_MAX, Order, OrderDecided
from billing.order_shelf import OrderShelf
from billing.provider_event import Told
from billing.purchase import end_unpaid, settle
from billing.reversal import Settled
from kernel.ids import new_id
from keys import audit_log
from keys.audit_log import Actor
from store.idempotency import Answer, RequestKey

Verdict = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class Resolve:
    """The command of `topup orders approve|reject`; by is a credential's id or a person's name, note
    what they say of it.

    Raises NotFound, and OrderDecided where nothing waits for a decision.
    """

    resolution_id: str
    order_id: str
    scope: Scope
    verdict: Verdict
    by: str
    answer: Callable[[Settled], Answer]
    request_key: RequestKey | None = None
    note: str = ""

    def declare(self, needs: Needs) -> None:
        needs.scopes.add(self.scope)
        needs.shelf(OrderShelf).ids.add(self.order_id)
        needs.shelf(AuditShelf)
        if self.request_key is not None:
            needs.request_keys.add(self.request_key)

    def decide(self, books: Books) -> Settled:
        shelf = books.shelf(OrderShelf)
        order = shelf.find(self.order_id, self.scope)
        is_dismissal = self.verdict == "reject" and order.status != "review"
        if order.status != "review" and not (is_dismissal and shelf.is_open(order.id)):
            raise OrderDecided(
                f"the order is {order.status}; there is nothing to {self.verdict}",
                extra={"order_id": order.id, "order_status": order.status},
            )
        resolved = order if is_dismissal else self._end(books, order)
        what = "dismissed" if is_dismissal else f"{self.verdict}d"
        if self.verdict == "reject" and not is_dismissal:
            what = "rejected"
        detail = f"{what} by {self._who}: {order.reason or 'settled before'}"
        shelf.resolve(order.id)
        told = Told(order.provider, order.environment, self.resolution_id, f"operator.{what}")
        shelf.note(told, resolved, "applied", detail, books.now_us)
        entry = audit_log.entry(
            Actor(self.by),
            f"order.{self.verdict}",
            environment=order.environment,
            account_id=order.account_id,
            subject_id=order.id,
            before={"status": order.status, "reason": order.reason},
            after={"status": resolved.status, "reason": resolved.reason},
            reason=self.note or None,
            now_us=books.now_us,
        )
        books.shelf(AuditShelf).add(entry)
        return Settled(resolved, "applied", detail)

    def render(self, result: Settled) -> Answer:
        return self.answer(result)

    @property
    def _who(self) -> str:
        return f"{self.by} ({self.note})" if self.note else self.by

    def _end(self, books: Books, order: Order) -> Order:
        if self.verdict == "approve":
            reason = f"approved by {self._who}: {order.reason}"[:REASON_CHARACTERS_MAX]
            return settle(books, order, payment_id=order.payment_id, reason=reason)
        reason = f"rejected by {self._who}: {order.reason}"[:REASON_CHARACTERS_MAX]
        return end_unpaid(books, order, "failed", reason)


def new_resolution(
    order_id: str,
    scope: Scope,
    verdict: Verdict,
    *,
    by: str,
    note: str = "",
    answer: Callable[[Settled], Answer],
) -> Resolve:
    """The command with a fresh id."""
    return Resolve(new_id("res"), order_id, scope, verdict, by, answer, note=note)
