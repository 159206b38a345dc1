"""Define abilities that only some payment providers have, such as refunds.

The provider or one of its parts implements an ability's protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeVar, runtime_checkable

from billing.ledger.price import Price
from billing.providers.event_log import in_words
from billing.providers.protocol import (
    Fact,
    Interval,
    InvoicePaid,
    Provider,
    ProviderRefused,
    Refunded,
    RefundFailed,
    Subject,
    SubscriptionChanged,
)

A = TypeVar("A")


@runtime_checkable
class Able(Protocol):
    @property
    def abilities(self) -> tuple[object, ...]: ...


def ability(provider: Provider, kind: type[A]) -> A | None:
    parts = provider.abilities if isinstance(provider, Able) else ()
    return next((one for one in (provider, *parts) if isinstance(one, kind)), None)


@runtime_checkable
class PaidSum(Protocol):
    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid: ...


class CustomerGone(ProviderRefused):
    pass


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """A request to create a customer. Every attempt has the same `key`, so that a retry creates no second customer."""

    key: str
    account_id: str
    environment: str
    email: str | None = None


@runtime_checkable
class Customers(Protocol):
    async def make_customer(self, request: CustomerRequest) -> str: ...


@runtime_checkable
class CustomerErasure(Protocol):
    async def erase_customer(self, customer_ref: str) -> None:
        """Delete the customer with its saved payment methods, or do nothing if it is already deleted.

        Raise ProviderRefused if the customer is unknown.
        """
        ...


ListedStatus = Literal["paid", "pending", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    payment_id: str
    objects: tuple[str, ...]
    order_id: str | None = None
    customer_ref: str | None = None
    status: ListedStatus
    price: Price
    refunded: int = 0
    disputed: int = 0
    fee: Price | None = None
    created_at: int


@dataclass(frozen=True, slots=True)
class ListedPage:
    payments: Sequence[ListedPayment]
    next_cursor: str | None


@runtime_checkable
class Listing(Protocol):
    async def list_payments(self, since: int, until: int, cursor: str | None = None) -> ListedPage:
        """Return payments that were made, refunded or disputed from `since` until just before `until`. A payment may be
        listed twice.

        Raise ProviderUnavailable if the provider doesn't respond, and ProviderRefused if it refuses.
        """
        ...


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund to request from the provider. Amounts are before tax.

    `checkout_ref` is None for a plan's period. `is_beside` means that this was a second payment for the same checkout.
    """

    id: str
    order_id: str
    payment_ref: str
    checkout_ref: str | None
    price: Price
    paid: Price
    reason: str
    provider_refund_id: str | None = None
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class RefundReport:
    status: Literal["pending", "succeeded", "failed"]
    provider_refund_id: str | None = None
    fact: Refunded | RefundFailed | None = None
    detail: str = ""


@runtime_checkable
class Refunding(Protocol):
    """Refund a payment.

    A request is sent once, or repeated only under the same idempotency key. ProviderRefused is final. After
    ProviderUnavailable, the outcome is unknown.

    - takes_part: the provider can refund part of a payment.
    - is_named: the provider's objects contain our refund's ID.
    - is_repeatable: a repeated request makes only one refund.
    - tells_parts: notifications report each refund as well as their sum.
    """

    takes_part: bool
    is_named: bool
    is_repeatable: bool
    tells_parts: bool

    async def refund(self, request: RefundRequest) -> RefundReport: ...

    async def find_refund(self, request: RefundRequest) -> RefundReport | None:
        """Return the refund's outcome, or None if there is no such refund. Raise ProviderUnavailable if the provider
        doesn't respond.
        """
        ...


# Providers recognise a repeated request for 24 hours.
CHARGE_KEY_S: Final = 20 * 3600

DeclineReason = Literal[
    "authentication_required",
    "insufficient_funds",
    "try_later",
    "card_expired",
    "card_declined",
    "card_removed",
]
RETRIED: Final[frozenset[str]] = frozenset({"insufficient_funds", "try_later"})


@dataclass(frozen=True, slots=True)
class SavedMethod:
    ref: str
    brand: str
    last4: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class SavingRequest:
    key: str
    customer_ref: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """A charge of a saved payment method. It is built from the order's row alone, so that every attempt sends
    the same request.
    """

    order_id: str
    customer_ref: str
    method_ref: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class Charged:
    ref: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Declined:
    """The charge was declined. Nothing was charged, and nothing will be unless the payer acts. `ref` identifies
    the attempted payment.
    """

    reason: DeclineReason
    ref: str | None = None


@runtime_checkable
class SavedPayments(Protocol):
    """Save a payment method on the provider's page, and charge it later without the payer.

    A charge that is repeated within CHARGE_KEY_S is made only once. Calls can raise ProviderUnavailable or
    ProviderRefused.
    """

    async def new_customer(self, key: str, email: str | None) -> str: ...

    async def save_page(self, request: SavingRequest) -> str: ...

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]: ...

    async def forget(self, method_ref: str) -> None: ...

    async def charge(self, request: ChargeRequest) -> Charged | Declined: ...

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None: ...

    async def give_up(self, ref: str) -> bool:
        """Cancel an attempted payment. Return False if it has already succeeded."""
        ...


@runtime_checkable
class SavesPayments(Protocol):
    @property
    def keeps_payments(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class SharedToken:
    left: Price | None
    expires_at: int | None
    is_ended: bool


@dataclass(frozen=True, slots=True)
class TokenCharge:
    payment_id: str
    token: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class TokenCharged:
    ref: str
    price: Price


@dataclass(frozen=True, slots=True)
class TokenDeclined:
    """The charge was declined, and so was every earlier request for it."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenPending:
    ref: str


TokenOutcome = TokenCharged | TokenDeclined | TokenPending


@runtime_checkable
class SharedTokens(Protocol):
    """Charge shared payment tokens. A token is a payer's consent to pay one seller up to an amount, until it expires.

    A repeated `charge_token` returns the first outcome. Calls can raise ProviderUnavailable or ProviderRefused.
    """

    @property
    def seller_id(self) -> str: ...

    async def find_token(self, token: str) -> SharedToken | None: ...

    async def charge_token(self, request: TokenCharge) -> TokenOutcome: ...

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        """Return the outcome of a charge without charging.

        Return None if the provider doesn't know the charge. A recent charge can take a minute to appear.
        """
        ...


Act = Literal["cancel", "cancel_now", "pause", "resume", "change"]


class PaymentDeclined(ProviderRefused):
    pass


@dataclass(frozen=True, slots=True)
class SteerRequest:
    """A change to a subscription. Every attempt has the same `key`.

    - cancel: end the subscription at the end of its period.
    - is_charged_now: charge the rest of the period now; otherwise the new price applies from the next period.
    - is_at_end: change nothing before the next period.
    """

    subscription_ref: str
    act: Act
    key: str
    product_ref: str | None = None
    from_ref: str | None = None
    is_charged_now: bool = False
    is_at_end: bool = False
    resumes_at: int | None = None

    @property
    def in_words(self) -> str:
        words: dict[Act, str] = {
            "cancel": "to end the plan with its period",
            "cancel_now": "to end the plan at once",
            "pause": "to pause the plan",
            "resume": "to let the plan go on",
            "change": "to change the plan",
        }
        return words[self.act]

    def is_reached(self, standing: SubscriptionChanged) -> bool:
        is_over = has_ended(standing)
        if self.act == "cancel_now":
            return is_over
        if self.act == "cancel":
            return is_over or standing.is_ending
        if self.act == "change":
            return standing.product_ref == self.product_ref
        is_paused = standing.status == "paused"
        if self.act == "pause":
            return is_paused and standing.resumes_at == self.resumes_at
        return not is_over and not is_paused and not standing.is_ending


def has_ended(standing: SubscriptionChanged) -> bool:
    return standing.status in {"cancelled", "expired"}


@runtime_checkable
class Steering(Protocol):
    async def standing(self, subscription_ref: str) -> SubscriptionChanged: ...

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        """Change the subscription and return its new state.

        Raise PaymentDeclined if a payment that is due now fails. After ProviderUnavailable, the state must be read
        before the call is repeated.
        """
        ...


@runtime_checkable
class Scheduling(Protocol):
    @property
    def has_schedules(self) -> bool: ...


@runtime_checkable
class Pausing(Protocol):
    @property
    def pauses_until(self) -> bool: ...


@runtime_checkable
class Previewing(Protocol):
    async def preview(self, request: SteerRequest) -> Price: ...


@dataclass(frozen=True, slots=True)
class WantedPrice:
    plan_id: str
    interval: Interval
    ref: str
    price: Price


@dataclass(frozen=True, slots=True)
class WantedSetup:
    is_live: bool
    notify_url: str
    prices: Sequence[WantedPrice] = ()

    def setting(self, name: str) -> str:
        provider, _, field = name.partition("_")
        return f"TOPUP_{provider}_{'' if self.is_live else 'STAGING_'}{field}"


@dataclass(frozen=True, slots=True)
class SetupFinding:
    """One result of checking a provider's setup. `is_well` is None if the check failed, or if the setting may be
    intentional.

    `detail` says what to do and contains no secrets.
    """

    about: str
    is_well: bool | None
    detail: str


@runtime_checkable
class SetupChecking(Protocol):
    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]: ...


def price_finding(wanted: WantedPrice, problems: Sequence[str]) -> SetupFinding:
    about = f"plan {wanted.plan_id}, {wanted.interval}"
    if problems:
        return SetupFinding(about, False, f"{wanted.ref}: {'; '.join(problems)}")
    return SetupFinding(about, True, f"{wanted.ref} is sold at the plan's price")


NO_ADDRESS: Final = SetupFinding(
    "webhook", False, "TOPUP_PUBLIC_URL is not set, so no notification can arrive"
)


def price_problems(wanted: WantedPrice, price: Price) -> list[str]:
    if price == wanted.price:
        return []
    return [f"it costs {in_words(price)} there and {in_words(wanted.price)} here"]


def unlisted_webhook(label: str, wanted: WantedSetup) -> SetupFinding:
    if not wanted.notify_url:
        return NO_ADDRESS
    detail = f"{label}'s API lists none: check in its portal that {wanted.notify_url} is there"
    return SetupFinding("webhook", None, detail)


def refund_made(request: RefundRequest) -> RefundReport:
    """Report that a full refund succeeded, for a provider that doesn't identify its refunds."""
    subject = Subject(request.order_id, (request.payment_ref, request.id))
    return RefundReport("succeeded", None, Refunded(subject, request.id, request.price))
