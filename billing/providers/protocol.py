"""Define the interface that payment providers implement to open checkouts and report payments.

A module in billing/providers/ or in the operator's own folder defines PROVIDER, a Registration. The provider
turns notifications into facts, and other code acts on those.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Literal, Protocol, Self, TypeVar, runtime_checkable

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic.config import JsonDict

from billing.ledger.price import Price, check_currency, parse_decimal
from billing.providers.breakdown import Breakdown
from kernel.clock import Clock
from kernel.errors import DomainError, InvalidInput
from keys.principal import Environment

RATE_PLACES = 6
OPTIONAL: Final[JsonDict] = {"optional": True}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Charge:
    """The currency in which a provider charges. If it is empty, the order's own currency is used. `rate` is the price
    of one US dollar in that currency.

    Without a rate, an order in another currency can't be charged.
    """

    currency: str = ""
    rate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class ProductField:
    name: str
    label: str
    text: str
    placeholder: str = ""
    hint: str = ""


class ProviderSettings(BaseModel, ABC):
    """A provider's settings. A field is set by the variable TOPUP_<PROVIDER>_<FIELD> or, in staging, by
    TOPUP_<PROVIDER>_STAGING_<FIELD>.

    A default is text or a number, but never a credential. During rotation, a secret is `new,old`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_base: str = Field(
        default="",
        description="The address of the provider's API. If empty, the usual one is used.",
    )
    currency: str = Field(
        default="",
        description="The currency that the provider charges. If empty, it is the order's own.",
    )
    price_per_usd: str = Field(default="", description="The price of one US dollar, such as 7.30.")

    @field_validator("api_base")
    @classmethod
    def _check_base(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s?#@]+", value):
            raise ValueError("is http(s)://host[:port] with or without a path")
        return value.rstrip("/")

    @field_validator("currency")
    @classmethod
    def _check_currency(cls, value: str) -> str:
        return value and stated(check_currency, value)

    @field_validator("price_per_usd")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        if value and stated(_rate, value) == 0:
            raise ValueError("is above 0")
        return value

    @property
    @abstractmethod
    def is_complete(self) -> bool: ...

    @property
    @abstractmethod
    def webhook_secrets(self) -> tuple[str, ...]:
        """Return the secrets that verify notifications, with the newest first. Leave out empty ones."""

    @property
    def ways(self) -> tuple[str, ...]:
        """Return the provider's payment methods, the default first. Return () if there is no choice."""
        return ()

    @property
    def charge(self) -> Charge:
        if self.price_per_usd:
            return Charge(self.currency, _rate(self.price_per_usd))
        return Charge(self.currency, Fraction(1) if self.currency == "USD" else None)

    @classmethod
    @abstractmethod
    def for_sandbox(cls, secret: str) -> Self:
        pass


def stated(parse: Callable[..., T], *given: str) -> T:
    try:
        return parse(*given)
    except InvalidInput as error:
        raise ValueError(error.detail) from None


def _rate(text: str) -> Fraction:
    units = parse_decimal(text, places=RATE_PLACES, param="price_per_usd")
    return Fraction(units, 10**RATE_PLACES)


def rotated(secret: SecretStr) -> tuple[str, ...]:
    return tuple(part for word in secret.get_secret_value().split(",") if (part := word.strip()))


@dataclass(frozen=True, slots=True)
class DisputeNote:
    """What a provider reported about a dispute. `is_inquiry` means that the bank took no money."""

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
    """No reliable response came in time, so the outcome is unknown."""


class ProviderRefused(DomainError):
    pass


class PriceRefused(ProviderRefused):
    pass


class NotificationRefused(DomainError):
    """A notification is forged, stale, unreadable or for another recipient. `reason` is one of: signature, timestamp,
    form.
    """


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A checkout to open. Repeating the request after a crash opens the same checkout.

    The provider defines the values of `method` and `product_ref`. The first period of a subscription costs `price`,
    from which `discount` is already subtracted.
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
    saves_payment: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """An open checkout. The payer visits `url`. Pass `ref` to `inquire`.

    `objects` lists every ID that a notification may contain instead of the order's ID.
    """

    url: str
    ref: str
    objects: tuple[str, ...] = ()
    customer_ref: str | None = None
    invoice_pdf: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fact is about. Every ID is stored, because a later refund may contain no other ID."""

    order_id: str | None = None
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paid:
    """An order was paid. `payment_id` is the same in every report of the payment.

    `objection` says why the payment doesn't match what was sold. `subtotal` is before tax and discounts.
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
    """A payment was reported without proof. Before it is credited, the response of `inquire` must agree with `claim`."""

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
    """A refund. `price` is the total that was refunded under this key so far.

    If `is_part`, this key stands for a single refund, and another key reports the sum of all refunds.
    """

    subject: Subject
    key: str
    price: Price
    is_part: bool = False
    is_pending: bool = False  # the provider hasn't confirmed yet that the refund arrived


@dataclass(frozen=True, slots=True)
class RefundFailed:
    subject: Subject
    key: str
    price: Price
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Disputed:
    """The payer's bank took back `price`, at least until the dispute is decided."""

    subject: Subject
    key: str
    price: Price
    note: DisputeNote | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DisputeClosed:
    subject: Subject
    key: str
    is_won: bool
    note: DisputeNote | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line of an invoice. `amount` doesn't include tax, discounts or applied balance. It is negative for a credit."""

    product_ref: str | None
    amount: int
    quantity: int = 1
    is_prorated: bool = False


@dataclass(frozen=True, slots=True)
class InvoicePaid:
    """A subscription's period was paid.

    `is_change` means that the invoice comes from starting or changing a plan, not from a renewal. `is_listed` means
    that the notification contains no amount, so `price` is the product's own price.
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
    """A subscription's state at the provider. Nothing is charged while it is paused. `resumes_at` is when the pause
    ends, if that is known.
    """

    subject: Subject
    subscription_ref: str
    status: SubscriptionStatus
    period_end_at: int | None = None
    is_ending: bool = False
    product_ref: str | None = None
    sent_at: int | None = None
    resumes_at: int | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
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
    method: str
    headers: Mapping[bytes, bytes]
    query: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Notification:
    """A provider's notification. It has the same `event_id` each time it is sent."""

    event_id: str
    type: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class SandboxEvent:
    """An event chosen on the sandbox page. `simulate` reports it as the provider would.

    - renewed: a period was paid or, if `is_prorated`, part of a period.
    - changed: the plan was changed or paused, or will end with its period.
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
        """Return the URL of the page on which the customer manages subscriptions."""
        ...

    def simulate(self, sandbox_event: SandboxEvent) -> Received: ...


@runtime_checkable
class Closing(Protocol):
    async def close(self, order_id: str, ref: str) -> bool:
        """Close the checkout. Return False if it was already paid or closed."""
        ...


@runtime_checkable
class Linking(Protocol):
    async def linked(self, object_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Return the IDs of related objects, each with the ID in `object_ids` that it belongs to."""
        ...


Make = Callable[[Any, Environment, httpx.AsyncClient, Clock], Provider]


@dataclass(frozen=True, slots=True)
class Registration:
    """A payment provider. Its module defines this as PROVIDER.

    - label: the name that payers see.
    - paths: the paths that accept notifications. The provider is given the first one.
    - takes_discount: the provider can discount a subscription's first period.
    - products: the fields for a plan's price or product ID at the provider.
    - needs_product: a plan can be sold only with such an ID.
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
