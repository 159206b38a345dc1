"""The protocol of a payment provider, which opens checkouts and reports what was paid.

A module in billing/providers/ or the operator's own folder defines PROVIDER, a Registration. Notifications
become Facts, on which other code acts.
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
    """An empty currency is the order's own; `rate` is the price of one US dollar. Without a rate for another
    currency, nothing can be charged.
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
    """A field is TOPUP_<PROVIDER>_<FIELD>, and in staging TOPUP_<PROVIDER>_STAGING_<FIELD>.

    Defaults are text or a number, and leave the provider without credentials. Secrets are SecretStr; a
    rotated one is `new,old`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_base: str = Field(default="", description="The provider's API; empty: its own address.")
    currency: str = Field(
        default="", description="What it charges; empty: the order's own currency."
    )
    price_per_usd: str = Field(
        default="", description="How much of that currency one US dollar costs, such as 7.30."
    )

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
        """Return the secrets that verify notifications, newest first; none is empty."""

    @property
    def ways(self) -> tuple[str, ...]:
        """Return the provider's own payment methods, the default first; empty if it has only one."""
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
    """`status` and `reason` are the provider's words. `is_inquiry`: the bank took no money."""

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
    """No timely or reliable response came: the outcome is unknown."""


class ProviderRefused(DomainError):
    pass


class PriceRefused(ProviderRefused):
    pass


class NotificationRefused(DomainError):
    """The notification is forged, stale, unreadable or misdirected. `reason`: signature, timestamp, form."""


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """Repeated after a crash, it opens the same checkout.

    `method` and `product_ref` are the provider's own. `discount` lowers a subscription's first period, whose
    price is `price`. Stripe accepts `expires_at` 30 minutes to 24 hours from now.
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
    """The payer goes to `url`; `inquire` takes `ref`. `objects` has every ID that notifications may name instead
    of the order's.
    """

    url: str
    ref: str
    objects: tuple[str, ...] = ()
    customer_ref: str | None = None
    invoice_pdf: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fact is about. Every ID is stored, even of Waiting, because a later refund may name nothing
    else.
    """

    order_id: str | None = None
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paid:
    """An order's payment arrived. `payment_id` names one payment, however often reported.

    `objection`: why it doesn't pay for what was sold. `subtotal` is before tax and discounts.
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
    """A payment was reported without proof: call `inquire` before crediting. The response must agree with
    `claim`.
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
    """`price` is all that was refunded under this key so far. `is_part`: one refund among those whose sum
    another key reports.
    """

    subject: Subject
    key: str
    price: Price
    is_part: bool = False
    is_pending: bool = False  # the provider has not said yet that it arrived


@dataclass(frozen=True, slots=True)
class RefundFailed:
    subject: Subject
    key: str
    price: Price
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Disputed:
    """The payer's bank took `price` back, for now."""

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
    """`amount` is before tax, discounts and balance, and below 0 for a credit."""

    product_ref: str | None
    amount: int
    quantity: int = 1
    is_prorated: bool = False


@dataclass(frozen=True, slots=True)
class InvoicePaid:
    """One period of a subscription is paid.

    `is_change`: it was made by a beginning or a change of plans, not by the calendar. `is_listed`: the price
    is the product's own, because the notification has no amount.
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
    """A subscription's state at the provider. While paused it charges nothing until `resumes_at`, if known."""

    subject: Subject
    subscription_ref: str
    status: SubscriptionStatus
    period_end_at: int | None = None
    is_ending: bool = False  # it ends at the end of the period
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
    """`event_id` is the same for each repetition."""

    event_id: str
    type: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class SandboxEvent:
    """An event at the sandbox's page, for `simulate` to report as this provider would.

    renewed: a period is paid, or with `is_prorated` a part of one. changed: another plan, an end with the
    period, or a pause.
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
        """Return where the customer manages subscriptions. Raises ProviderUnavailable and ProviderRefused."""
        ...

    def simulate(self, sandbox_event: SandboxEvent) -> Received:
        """Return the signed notification that the provider would send."""
        ...


@runtime_checkable
class Closing(Protocol):
    async def close(self, order_id: str, ref: str) -> bool:
        """Return whether the checkout can't be paid any more; False if it was paid or has ended. Raises
        ProviderUnavailable.
        """
        ...


@runtime_checkable
class Linking(Protocol):
    async def linked(self, object_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Return known IDs, each with one of object_ids. Raises ProviderUnavailable and ProviderRefused."""
        ...


Make = Callable[[Any, Environment, httpx.AsyncClient, Clock], Provider]


@dataclass(frozen=True, slots=True)
class Registration:
    """What a provider's module defines as PROVIDER.

    - label: its name for payers.
    - paths: where notifications arrive; providers are given the first.
    - takes_discount: a subscription's first period may cost less.
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
