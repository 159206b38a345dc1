"""Simulate a provider's checkout with a page of our own, in staging.

An order has one checkout, whose first outcome counts. The page is found only by its address, which contains a secret
of 192 bits. The reason given for a refund decides its outcome.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from billing.ledger.price import Price
from billing.payments.sandbox import cards, subscription as sandbox_subscription
from billing.providers.abilities import Refunding, RefundRequest, RefundWord
from billing.providers.protocol import (
    CheckoutKind,
    CheckoutRequest,
    Fact,
    Opened,
    Paid,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundFailed,
    SandboxEvent,
    Subject,
    Unconfirmed,
    Waiting,
)
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import new_id
from store.database import Database, Transaction
from store.row_mapping import RowMapping

CheckoutOutcome = Literal["paid", "failed", "expired"]

PATH = "/sandbox/checkout"
TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class SandboxCheckout:
    token: str
    account_id: str
    environment: str
    order_id: str
    provider: str
    kind: CheckoutKind
    ref: str
    payment_id: str
    pay_amount: int
    pay_currency: str
    created_at: int
    outcome: CheckoutOutcome | None = None
    ended_at: int | None = None
    method: str | None = None

    def sandbox_event(self) -> SandboxEvent:
        assert self.outcome is not None, "nothing happened yet"
        is_subscription = self.kind == "subscription" and self.outcome == "paid"
        refs = sandbox_subscription.refs_of(self.payment_id) if is_subscription else (None, None)
        return SandboxEvent(
            outcome=self.outcome,
            kind=self.kind,
            order_id=self.order_id,
            ref=self.ref,
            payment_id=self.payment_id,
            price=Price(self.pay_amount, self.pay_currency),
            event_id=f"evt_{self.payment_id.partition('_')[2]}{self.outcome}",
            subscription_ref=refs[0],
            customer_ref=refs[1],
            method=self.method,
        )


class SandboxProvider:
    def __init__(
        self, inner: Provider, name: str, database: Database, clock: Clock, public_url: str
    ) -> None:
        self._inner = inner
        self._name = name
        self._database = database
        self._clock = clock
        self._public_url = public_url

    async def open(self, request: CheckoutRequest) -> Opened:
        async def work(tx: Transaction) -> SandboxCheckout:
            return await _open(tx, request, self._name, now_us=self._clock.now_us())

        made = await self._database.transaction(work)
        return Opened(f"{self._public_url}{PATH}/{made.token}", made.ref, (made.ref,))

    async def inquire(self, order_id: str, _ref: str) -> Sequence[Fact]:
        """Return the outcome chosen on the page, even if its notification was never sent."""

        async def work(tx: Transaction) -> SandboxCheckout | None:
            return await _find(tx, "order_id = :value", order_id)

        found = await self._database.read(work)
        if found is None or found.outcome is None:
            return (Waiting(Subject(order_id)),)
        facts = self._inner.read(self._inner.simulate(found.sandbox_event())).facts
        return [_confirmed(found) if isinstance(fact, Unconfirmed) else fact for fact in facts]

    async def close(self, order_id: str, _ref: str) -> bool:
        async def work(tx: Transaction) -> bool:
            found = await _find(tx, "order_id = :value", order_id)
            if found is None:
                return True
            ended = await decide(tx, found.token, "expired", now_us=self._clock.now_us())
            return ended.outcome == "expired"

        return await self._database.transaction(work)


async def find(tx: Transaction, token: str) -> SandboxCheckout:
    found = await _find(tx, "token = :value", token)
    if found is None:
        raise NotFound("Checkout")
    return found


async def decide(
    tx: Transaction, token: str, outcome: CheckoutOutcome, *, now_us: int
) -> SandboxCheckout:
    """Record the outcome of a checkout, unless it has one, and return the checkout; raise NotFound.

    A paid subscription begins here.
    """
    await tx.execute(
        """UPDATE sandbox_checkouts SET outcome = :outcome, ended_at = :now_us
           WHERE token = :token AND outcome IS NULL""",
        outcome=outcome,
        now_us=now_us,
        token=token,
    )
    decided = await find(tx, token)
    if decided.outcome == "paid":
        await cards.keep_paid(tx, decided.order_id, decided.payment_id, now_us=now_us)
    if decided.kind == "subscription" and decided.outcome == "paid":
        await sandbox_subscription.begin(
            tx, decided.order_id, decided.provider, decided.payment_id, now_us=now_us
        )
    return decided


async def _open(
    tx: Transaction, request: CheckoutRequest, provider: str, *, now_us: int
) -> SandboxCheckout:
    owner = await tx.fetch_one(
        "SELECT account_id, environment FROM orders WHERE id = :id", id=request.order_id
    )
    if owner is None:
        raise NotFound("Order")
    made = SandboxCheckout(
        token=secrets.token_urlsafe(TOKEN_BYTES),
        account_id=owner["account_id"],
        environment=owner["environment"],
        order_id=request.order_id,
        provider=provider,
        kind=request.kind,
        ref=new_id("sbx"),
        payment_id=new_id("pay"),
        pay_amount=0 if request.trial_days else request.price.amount,
        pay_currency=request.price.currency,
        created_at=now_us,
    )
    await tx.insert(
        "sandbox_checkouts",
        _ROWS.columns,
        [_ROWS.write(made)],
        on_conflict="ON CONFLICT (order_id) DO NOTHING",
    )
    found = await _find(tx, "order_id = :value", request.order_id)
    assert found is not None, "it was just written"
    return found


async def _find(tx: Transaction, condition: str, value: str) -> SandboxCheckout | None:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed}, (SELECT method FROM orders WHERE orders.id = order_id) AS method
            FROM sandbox_checkouts WHERE {condition}""",
        value=value,
    )
    return None if row is None else replace(_ROWS.read(row), method=row["method"])


_ROWS = RowMapping(SandboxCheckout, without={"method"})


def _confirmed(found: SandboxCheckout) -> Paid:
    subject = Subject(found.order_id, (found.ref,))
    return Paid(subject, found.payment_id, Price(found.pay_amount, found.pay_currency))


# A refund with such a reason is refused, loses its response, stays open, or comes back.
OUTCOMES: Final = ("sandbox refused", "sandbox unknown", "sandbox pending", "sandbox returned")


class SandboxRefunds:
    is_named = True
    is_repeatable = True

    def __init__(self, inner: Refunding | None) -> None:
        self.takes_part = inner is None or inner.takes_part
        self.tells_parts = inner is not None and inner.tells_parts

    async def refund(self, request: RefundRequest) -> RefundWord:
        outcome = _outcome(request.reason)
        if outcome == "sandbox refused":
            raise ProviderRefused("The sandbox refused the refund.")
        if outcome == "sandbox unknown":
            raise ProviderUnavailable("The sandbox's response was lost.")
        if outcome == "sandbox pending":
            return RefundWord("pending", request.id)
        return self._made(request)

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        if _outcome(request.reason) == "sandbox pending":
            return RefundWord("pending", request.id)
        if _outcome(request.reason) == "sandbox returned":
            failed = RefundFailed(Subject(request.order_id), request.id, request.price)
            return RefundWord("failed", request.id, failed)
        return self._made(request)

    def _made(self, request: RefundRequest) -> RefundWord:
        subject = Subject(request.order_id, (request.id,))
        is_pending = _outcome(request.reason) == "sandbox returned"
        fact = Refunded(
            subject, request.id, request.price, is_part=self.tells_parts, is_pending=is_pending
        )
        return RefundWord("pending" if is_pending else "succeeded", request.id, fact)


def _outcome(reason: str) -> str | None:
    said = reason.strip().lower()
    return next((one for one in OUTCOMES if said.startswith(one)), None)
