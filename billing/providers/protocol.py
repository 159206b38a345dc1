"""The protocol of a payment provider: it opens a checkout, and says what was paid.

A module in billing/providers/ or the operator's own folder defines PROVIDER, a Registration; one whose name
begins with an underscore is a part of another. Amounts are converted here, once. A notification is a value (a
Fact) on which other code acts, so no provider moves money itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import httpx

from billing.ledger.price import Price
from billing.providers.breakdown import Breakdown
from billing.providers.settings import ProductField, ProviderSettings
from kernel.clock import Clock
from kernel.errors import DomainError
from keys.principal import Environment


@dataclass(frozen=True, slots=True)
class DisputeNote:
    """status and reason are in the provider's own words. due_at: until when evidence counts; null if unknown
    or not needed. is_inquiry: the bank took no money. sent_at: by the provider's clock.
    """

    status: str
    reason: str = ""
    due_at: int | None = None
    is_inquiry: bool = False
    is_over: bool = False
    page_url: str | None = None
    sent_at: int | None = None


CheckoutKind = Literal["payment", "subscription", "invoice"]
Interval = Literal["month", "year"]


class ProviderUnavailable(DomainError):
    """No timely or reliable response came; nothing is known of the payment."""


class ProviderRefused(DomainError):
    """The provider said a definite no to our request; the order can't be paid there."""


class PriceRefused(ProviderRefused):
    """The provider can't charge the price: it sells it at another, or can't charge such an amount."""


class NotificationRefused(DomainError):
    """The notification is forged, stale, unreadable or misdirected. reason: signature, timestamp, form."""


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """Repeated after a crash, it opens the same checkout.

    title is shown to the payer. method: the provider's own, such as alipay. product_ref: its price or
    product. discount: how much less a subscription's first period costs; price is the first one's.
    expires_at: Stripe accepts 30 minutes to 24 hours from now.
    """

    order_id: str
    kind: CheckoutKind
    price: Price
    title: str
    success_url: str
    cancel_url: str
    notify_url: str
    customer_email: str | None = None
    customer_ref: str | None = None
    method: str | None = None
    product_ref: str | None = None
    interval: Interval | None = None
    discount: int = 0
    trial_days: int = 0
    expires_at: int | None = None
    return_url: str = ""
    saves_payment: bool = False  # the payer agreed that the means of payment is kept


@dataclass(frozen=True, slots=True)
class Opened:
    """url is where the payer goes, ref is what `inquire` checks. objects: every ID that later notifications
    may name instead of the order's, such as an invoice's.
    """

    url: str
    ref: str
    objects: tuple[str, ...] = ()
    customer_ref: str | None = None
    invoice_pdf: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fact is about: the order's ID if the provider repeats it, and the provider's IDs. Every ID is
    stored, also of Waiting, because a later refund may name nothing else.
    """

    order_id: str | None = None
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paid:
    """An order's payment has really arrived. payment_id: one payment, however often reported.

    objection: why it doesn't pay for what was sold. method: compared with the order's. subtotal: before tax
    and discounts.
    """

    subject: Subject
    payment_id: str
    price: Price
    customer_ref: str | None = None
    subscription_ref: str | None = None
    objection: str | None = None
    method: str | None = None
    subtotal: Price | None = None
    breakdown: Breakdown | None = None


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A report of a payment without reliable proof: call `inquire` before crediting. claim: what was
    reported, if it names the payment; the response has to say the same.
    """

    subject: Subject
    ref: str
    claim: Paid | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    subject: Subject
    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    subject: Subject


@dataclass(frozen=True, slots=True)
class Waiting:
    subject: Subject


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money was returned to the payer. price: all that was refunded under this key so far. is_part: one
    refund among those whose sum another key reports.
    """

    subject: Subject
    key: str
    price: Price
    is_part: bool = False
    is_pending: bool = False  # the provider has not said yet that it arrived


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """A refund failed or was cancelled: its money is ours again."""

    subject: Subject
    key: str
    price: Price
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Disputed:
    """The payer's bank took the payment back, for now; price is the disputed part."""

    subject: Subject
    key: str
    price: Price
    note: DisputeNote | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DisputeClosed:
    """won: the money is ours again."""

    subject: Subject
    key: str
    is_won: bool
    note: DisputeNote | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """amount before tax, discounts and balance, below 0 for a credit. product_ref: the provider's price or
    product, of which there are `quantity`.
    """

    product_ref: str | None
    amount: int
    quantity: int = 1
    is_prorated: bool = False


@dataclass(frozen=True, slots=True)
class InvoicePaid:
    """One period of a subscription is paid; price is what was paid.

    lines: the invoice's, if reported; else one line of the price. is_change: a beginning or a change of plans
    made it, not the calendar. is_listed: the price is the product's own, because the notification has no
    amount.
    """

    subject: Subject
    subscription_ref: str
    invoice_id: str
    price: Price
    period_start_at: int
    period_end_at: int
    product_ref: str | None = None
    is_prorated: bool = False
    customer_ref: str | None = None
    lines: tuple[InvoiceLine, ...] = ()
    is_change: bool = False
    breakdown: Breakdown | None = None
    is_listed: bool = False


SubscriptionStatus = Literal["active", "past_due", "paused", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class SubscriptionChanged:
    """A subscription's standing at the provider, at sent_at if reported. paused: it charges nothing until it
    resumes, at resumes_at if known.
    """

    subject: Subject
    subscription_ref: str
    status: SubscriptionStatus
    period_end_at: int | None = None
    is_ending: bool = False  # at the end of the period
    product_ref: str | None = None
    sent_at: int | None = None
    resumes_at: int | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Genuine, and irrelevant to us; why is for the operator."""

    why: str


Fact = (
    Paid
    | Unconfirmed
    | Failed
    | Expired
    | Waiting
    | Refunded
    | RefundFailed
    | Disputed
    | DisputeClosed
    | InvoicePaid
    | SubscriptionChanged
    | Ignored
)


@dataclass(frozen=True, slots=True)
class Received:
    """A notification as it arrived. Header names in lower case; query without its '?'."""

    method: str
    headers: Mapping[bytes, bytes]
    query: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Notification:
    """A genuine notification. event_id: the same for each repetition."""

    event_id: str
    type: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The response that the provider expects once the facts are committed, and if they can't be."""

    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class SandboxEvent:
    """An event at the sandbox's page, for `simulate` to report as this provider would.

    renewed: a period is paid, the first one included; is_prorated: a part of one with full_price. changed:
    the customer chose another plan, to end with the period or not to; also the standing around a pause.
    """

    outcome: Literal[
        "paid", "failed", "expired", "refunded", "renewed", "renewal_failed", "changed", "ended"
    ]
    kind: CheckoutKind
    order_id: str
    ref: str
    payment_id: str
    price: Price
    event_id: str
    subscription_ref: str | None = None
    customer_ref: str | None = None
    product_ref: str | None = None
    period_start_at: int | None = None
    period_end_at: int | None = None
    full_price: Price | None = None
    is_prorated: bool = False
    is_ending: bool = False
    method: str | None = None
    is_paused: bool = False
    resumes_at: int | None = None


class Provider(Protocol):
    async def open(self, request: CheckoutRequest) -> Opened: ...

    def read(self, received: Received) -> Notification: ...

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]: ...

    async def portal(self, customer_ref: str, return_url: str) -> str:
        """Return where the customer manages subscriptions; raise ProviderUnavailable, ProviderRefused."""
        ...

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        """Return the signed notification that the provider would send, for the sandbox's page."""
        ...


@runtime_checkable
class Closing(Protocol):
    async def close(self, order_id: str, ref: str) -> bool:
        """Return whether nobody can pay it any more; False: it was paid or has ended. Raises
        ProviderUnavailable.
        """
        ...


@runtime_checkable
class Linking(Protocol):
    """Its refunds may name only IDs that we don't know, and which it can resolve."""

    async def linked(self, object_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Return pairs: an ID that payments are known by, and one of object_ids. Raises ProviderUnavailable
        and ProviderRefused.
        """
        ...


Make = Callable[[Any, Environment, httpx.AsyncClient, Clock], Provider]


@dataclass(frozen=True, slots=True)
class Registration:
    """What a module in the folder defines as PROVIDER.

    - label: its name for payers; empty: as it is.
    - paths: where its notifications arrive, the first being the one it is given; methods of them.
    - takes_discount: a subscription's first period may cost less than the others.
    - products: how a plan names the provider's own; needs_product: no plan is sold without one.
    """

    name: str
    settings: type[ProviderSettings]
    make: Make
    paths: tuple[str, ...]
    methods: tuple[str, ...] = ("POST",)
    kinds: tuple[CheckoutKind, ...] = ("payment",)
    has_portal: bool = False
    takes_discount: bool = False
    products: Mapping[Interval, ProductField] = field(default_factory=dict)
    needs_product: bool = False
    label: str = ""
    accepted: Acknowledgement = Acknowledgement(b'{"received":true}')
    refused: Acknowledgement = Acknowledgement(b'{"received":false}')
