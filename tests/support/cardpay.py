"""Cardpay: a payment provider of the tests that keeps cards and charges them, in memory.

It knows a repeated request for a day, as real ones do: one that comes later is another payment. What it
does with the next new charge is a word of `script`: pays, processing, why it is declined, "heard
nothing" (the request was lost) or "answer lost" (it charged, and nobody learnt of it).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from billing.ledger.price import Price
from billing.providers.abilities import (
    Charged,
    ChargeRequest,
    Declined,
    DeclineReason,
    SavedMethod,
    SavingRequest,
)
from billing.providers.protocol import (
    CheckoutRequest,
    Fact,
    Notification,
    Opened,
    Paid,
    ProviderSettings,
    ProviderUnavailable,
    Received,
    Registration,
    SandboxEvent,
    Subject,
    Waiting,
)
from kernel.clock import DAY_US, FixedClock

CARD = SavedMethod("pm_1", "visa", "4242", "2030-01")


@dataclass(slots=True)
class Payment:
    """One payment at Cardpay; status: succeeded, processing, declined, open or cancelled."""

    ref: str
    order_id: str
    price: Price
    status: str
    at: int
    reason: DeclineReason = "card_declined"


@dataclass(slots=True)
class Cardpay:
    """The vendor and our side of it in one; keeps Provider and SavedPayments."""

    clock: FixedClock
    script: list[str] = field(default_factory=list)
    cards: list[SavedMethod] = field(default_factory=lambda: [CARD])
    payments: dict[str, Payment] = field(default_factory=dict)
    charges_heard: int = 0
    is_away: bool = False

    # Keeping

    async def new_customer(self, key: str, email: str | None) -> str:
        return f"cus_{key}"

    async def save_page(self, request: SavingRequest) -> str:
        return f"https://cardpay.example/{request.customer_ref}"

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]:
        return self.cards

    async def forget(self, method_ref: str) -> None:
        self.cards = [one for one in self.cards if one.ref != method_ref]

    # Charging

    async def charge(self, request: ChargeRequest) -> Charged | Declined:
        self._answer()
        word = self.script.pop(0) if self.script else "pays"
        if word == "heard nothing":
            raise ProviderUnavailable("timeout")
        known = self._known(request.order_id, since_at=self.clock.now_us() - DAY_US)
        if known is None:
            self.charges_heard += 1
            known = self._make(request, "pays" if word == "answer lost" else word)
        if word == "answer lost":
            raise ProviderUnavailable("timeout")
        return self._told(known)

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:
        self._answer()
        known = self._known(request.order_id, since_at=since_at)
        return None if known is None else self._told(known)

    async def give_up(self, ref: str) -> bool:
        self._answer()
        if self.payments[ref].status == "succeeded":
            return False
        self.payments[ref].status = "cancelled"
        return True

    # A provider as any other

    async def open(self, request: CheckoutRequest) -> Opened:
        ref = f"co_{request.order_id}"
        self.payments.setdefault(
            ref, Payment(ref, request.order_id, request.price, "open", self.clock.now_us())
        )
        return Opened(f"https://cardpay.example/pay/{request.order_id}", ref, (ref,))

    def read(self, received: Received) -> Notification:
        ref = received.body.decode()
        return Notification(f"evt_{ref}", "payment", tuple(self._facts(self.payments[ref])))

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]:
        self._answer()
        return self._facts(self.payments[ref])

    async def portal(self, customer_ref: str, return_url: str) -> str:
        return f"https://cardpay.example/{customer_ref}/portal?return={return_url}"

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        return self.notification(sandbox_event.ref)

    # The vendor's world

    def notification(self, ref: str) -> Received:
        """What it tells of a payment as it stands."""
        return Received("POST", {}, b"", ref.encode())

    def succeed(self, ref: str) -> None:
        """A payment that was under way, or that a person confirmed, went through."""
        self.payments[ref].status = "succeeded"

    @property
    def taken(self) -> list[Payment]:
        """Payments whose money it took."""
        return [one for one in self.payments.values() if one.status == "succeeded"]

    def _answer(self) -> None:
        if self.is_away:
            raise ProviderUnavailable("timeout")

    def _known(self, order_id: str, *, since_at: int) -> Payment | None:
        return next(
            (
                one
                for one in self.payments.values()
                if one.order_id == order_id and one.ref[:2] == "pi" and one.at >= since_at
            ),
            None,
        )

    def _make(self, request: ChargeRequest, word: str) -> Payment:
        status = {"pays": "succeeded", "processing": "processing"}.get(word, "declined")
        made = Payment(
            f"pi_{len(self.payments)}",
            request.order_id,
            request.price,
            status,
            self.clock.now_us(),
            cast(DeclineReason, word) if status == "declined" else "card_declined",
        )
        self.payments[made.ref] = made
        return made

    def _told(self, payment: Payment) -> Charged | Declined:
        if payment.status in {"declined", "cancelled"}:
            return Declined(payment.reason, payment.ref)
        return Charged(payment.ref, self._facts(payment))

    def _facts(self, payment: Payment) -> Sequence[Fact]:
        subject = Subject(payment.order_id, (payment.ref,))
        if payment.status == "succeeded":
            return (Paid(subject, payment.ref, payment.price),)
        return (Waiting(subject),)


class Settings(ProviderSettings):
    """It is there where it has a secret."""

    secret: str = ""

    @property
    def is_complete(self) -> bool:
        return bool(self.secret)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return (self.secret,) if self.secret else ()

    @classmethod
    def for_sandbox(cls, secret: str) -> "Settings":
        return cls()


def registration_of(cardpay: Cardpay) -> Registration:
    """Cardpay, which every environment shares."""

    def make(*_: Any) -> Cardpay:
        return cardpay

    return Registration("cardpay", Settings, make, ("/payment/webhook/cardpay",))
