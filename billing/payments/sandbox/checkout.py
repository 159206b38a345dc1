"""Simulate a provider in staging: its checkout page, its refunds and its saved cards.

An order has one checkout, whose first outcome is final. A refund's outcome depends on the reason given. A charge's
outcome depends on the test card and never changes. A page is found only by its address, which contains a 192-bit
secret.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from billing.ledger.price import Price
from billing.payments.sandbox import subscription as sandbox_subscription
from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    Declined,
    DeclineReason,
    Refunding,
    RefundReport,
    RefundRequest,
    SavedMethod,
    SavingRequest,
)
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
from kernel.tenant import Tenant
from store.database import Database, Row, Transaction
from store.row_mapping import RowMapping

CheckoutOutcome = Literal["paid", "failed", "expired"]

PATH: Final = "/sandbox/checkout"
TOKEN_BYTES: Final = 24


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
    """Record the outcome of a checkout unless it already has one, and return the checkout.

    A paid checkout of a plan begins the subscription.
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
        await save_paid(tx, decided.order_id, decided.payment_id, now_us=now_us)
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


# Refund reasons that simulate, in this order: a refusal, no response, an open refund, and a late failure.
OUTCOMES: Final = ("sandbox refused", "sandbox unknown", "sandbox pending", "sandbox returned")


class SandboxRefunds:
    is_named = True
    is_repeatable = True

    def __init__(self, inner: Refunding | None) -> None:
        self.takes_part = inner is None or inner.takes_part
        self.tells_parts = inner is not None and inner.tells_parts

    async def refund(self, request: RefundRequest) -> RefundReport:
        outcome = _outcome(request.reason)
        if outcome == "sandbox refused":
            raise ProviderRefused("The sandbox refused the refund.")
        if outcome == "sandbox unknown":
            raise ProviderUnavailable("The sandbox's response was lost.")
        if outcome == "sandbox pending":
            return RefundReport("pending", request.id)
        return self._made(request)

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        if _outcome(request.reason) == "sandbox pending":
            return RefundReport("pending", request.id)
        if _outcome(request.reason) == "sandbox returned":
            failed = RefundFailed(Subject(request.order_id), request.id, request.price)
            return RefundReport("failed", request.id, failed)
        return self._made(request)

    def _made(self, request: RefundRequest) -> RefundReport:
        subject = Subject(request.order_id, (request.id,))
        is_pending = _outcome(request.reason) == "sandbox returned"
        fact = Refunded(
            subject, request.id, request.price, is_part=self.tells_parts, is_pending=is_pending
        )
        return RefundReport("pending" if is_pending else "succeeded", request.id, fact)


def _outcome(reason: str) -> str | None:
    said = reason.strip().lower()
    return next((one for one in OUTCOMES if said.startswith(one)), None)


CARD_PATH: Final = "/sandbox/card"
CARDS_MAX: Final = 20
_PAID: Final = "paid"


@dataclass(frozen=True, slots=True)
class TestCard:
    last4: str
    label: str
    charge: str


TEST_CARDS: Final[Mapping[str, TestCard]] = {
    "pays": TestCard("4242", "Each charge is paid", _PAID),
    "no_funds": TestCard("9995", "Each charge lacks funds", "insufficient_funds"),
    "declined": TestCard("0002", "Each charge is declined", "card_declined"),
    "asks": TestCard(
        "3155", "Each charge needs the payer's confirmation", "authentication_required"
    ),
}
_REASONS: Final = get_args(DeclineReason)


@dataclass(frozen=True, slots=True)
class SandboxCard:
    ref: str
    provider: str
    card: str | None
    success_url: str


class SandboxCards:
    def __init__(
        self, tenant: Tenant, provider: str, database: Database, clock: Clock, public_url: str
    ) -> None:
        self._tenant = tenant
        self._provider = provider
        self._database = database
        self._clock = clock
        self._public_url = public_url

    async def new_customer(self, key: str, email: str | None) -> str:  # noqa: ARG002 it knows nobody
        return sandbox_customer(self._tenant)

    async def save_page(self, request: SavingRequest) -> str:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = (
            new_id("pm"),
            *self._tenant,
            self._provider,
            token,
            request.success_url,
            self._clock.now_us(),
        )
        columns = (
            *("ref", "account_id", "environment", "provider", "token"),
            *("success_url", "created_at"),
        )
        await self._database.transaction(lambda tx: tx.insert("sandbox_cards", columns, [row]))
        return f"{self._public_url}{CARD_PATH}/{token}"

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]:  # noqa: ARG002 the tenant's own
        rows = await self._database.read(
            lambda tx: tx.fetch(
                """SELECT ref, card FROM sandbox_cards
                   WHERE account_id = :account_id AND environment = :environment
                     AND provider = :provider AND card IS NOT NULL AND removed_at IS NULL
                   ORDER BY ref DESC LIMIT :limit""",
                account_id=self._tenant.account_id,
                environment=self._tenant.environment,
                provider=self._provider,
                limit=CARDS_MAX,
            )
        )
        return [SavedMethod(row["ref"], "visa", TEST_CARDS[row["card"]].last4) for row in rows]

    async def forget(self, method_ref: str) -> None:
        now_us = self._clock.now_us()

        async def work(tx: Transaction) -> int:
            return await tx.execute(
                """UPDATE sandbox_cards SET removed_at = :now_us
                   WHERE ref = :ref AND account_id = :account_id AND removed_at IS NULL""",
                now_us=now_us,
                ref=method_ref,
                account_id=self._tenant.account_id,
            )

        await self._database.transaction(work)

    async def charge(self, request: ChargeRequest) -> Charged | Declined:
        async def work(tx: Transaction) -> Row | None:
            found = await tx.fetch_one(
                "SELECT card FROM sandbox_cards WHERE ref = :ref AND removed_at IS NULL",
                ref=request.method_ref,
            )
            outcome = "card_removed" if found is None else TEST_CARDS[found["card"]].charge
            await tx.insert(
                "sandbox_charges",
                ("order_id", "account_id", "environment", "ref", "outcome", "created_at"),
                [(request.order_id, *self._tenant, new_id("pay"), outcome, self._clock.now_us())],
                on_conflict="ON CONFLICT (order_id) DO NOTHING",
            )
            return await tx.fetch_one(_CHARGE, id=request.order_id)

        made = await self._database.transaction(work)
        assert made is not None, "it was just written"
        return _charge_outcome(made, request)

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:  # noqa: ARG002
        made = await self._database.read(lambda tx: tx.fetch_one(_CHARGE, id=request.order_id))
        return None if made is None else _charge_outcome(made, request)

    async def give_up(self, ref: str) -> bool:  # noqa: ARG002 what was declined is over
        return True


def sandbox_customer(tenant: Tenant) -> str:
    return f"cus_{tenant.account_id}"


async def find_card(tx: Transaction, token: str) -> SandboxCard:
    row = await tx.fetch_one(
        """SELECT ref, provider, card, success_url FROM sandbox_cards
           WHERE token = :token AND removed_at IS NULL""",
        token=token,
    )
    if row is None:
        raise NotFound("Checkout")
    return SandboxCard(row["ref"], row["provider"], row["card"], row["success_url"])


async def choose_card(tx: Transaction, token: str, card: str) -> SandboxCard:
    assert card in TEST_CARDS, "the page offers no other"
    await tx.execute(
        "UPDATE sandbox_cards SET card = :card WHERE token = :token AND card IS NULL",
        card=card,
        token=token,
    )
    return await find_card(tx, token)


async def save_paid(tx: Transaction, order_id: str, payment_id: str, *, now_us: int) -> None:
    await tx.execute(
        """INSERT INTO sandbox_cards
               (ref, account_id, environment, provider, token, card, success_url, created_at)
           SELECT :ref, account_id, environment, provider, :token, 'pays', '', :now_us
           FROM orders WHERE id = :order_id AND saves_payment = 1
           ON CONFLICT DO NOTHING""",
        ref=f"pm_{payment_id.partition('_')[2]}",
        token=secrets.token_urlsafe(TOKEN_BYTES),
        now_us=now_us,
        order_id=order_id,
    )


_CHARGE: Final = "SELECT ref, outcome FROM sandbox_charges WHERE order_id = :id"


def _charge_outcome(made: Row, request: ChargeRequest) -> Charged | Declined:
    ref, outcome = made["ref"], made["outcome"]
    if outcome == _PAID:
        paid = Paid(Subject(request.order_id, (ref,)), ref, request.price)
        return Charged(ref, (paid,))
    if outcome not in _REASONS:
        raise ProviderRefused(f"The sandbox has no outcome {outcome}.")
    return Declined(outcome, ref)
