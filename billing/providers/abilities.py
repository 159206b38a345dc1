"""What only some providers can do: each ability is a protocol, which the provider or one of its parts
implements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeVar, runtime_checkable

from billing.ledger.price import Price
from billing.providers.protocol import (
    Fact,
    Interval,
    InvoicePaid,
    Provider,
    ProviderRefused,
    Refunded,
    RefundFailed,
    SubscriptionChanged,
)

A = TypeVar("A")


@runtime_checkable
class Able(Protocol):
    @property
    def abilities(self) -> tuple[object, ...]: ...


def ability(provider: Provider, kind: type[A]) -> A | None:
    """Return the provider, or its part, that implements the protocol; else None."""
    parts = provider.abilities if isinstance(provider, Able) else ()
    return next((one for one in (provider, *parts) if isinstance(one, kind)), None)


@runtime_checkable
class PaidSum(Protocol):
    async def with_sum(self, paid: InvoicePaid) -> InvoicePaid: ...


class CustomerGone(ProviderRefused):
    """It was deleted, or belongs to another account at the provider."""


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """key: the same for each try, so that two tries make one customer."""

    key: str
    account_id: str
    environment: str
    email: str | None = None


@runtime_checkable
class Customers(Protocol):
    """`open` raises CustomerGone for a customer that doesn't exist."""

    async def make_customer(self, request: CustomerRequest) -> str: ...


@runtime_checkable
class CustomerErasure(Protocol):
    async def erase_customer(self, customer_ref: str) -> None:
        """Delete the customer with its saved payment methods; succeeds also if already deleted. Raises
        ProviderUnavailable, and ProviderRefused if these keys have no such customer.
        """
        ...


ListedStatus = Literal["paid", "pending", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    """objects: every ID that an order or period may have stored, payment_id included.

    refunded, disputed: what was returned, and what a bank took back or holds, in the smallest unit of the
    price. fee: its currency may differ from the price's.
    """

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
        """Return payments made, refunded or disputed at since <= time < until. A payment may come several
        times, unchanged. Raises ProviderUnavailable and ProviderRefused.
        """
        ...


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """id: ours, one refund however often it is requested. checkout_ref: null for a plan's period.

    is_beside: a second payment of that checkout, which payment_ref alone names. paid: the whole payment.
    Amounts before tax.
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
class RefundWord:
    """fact: that the money is gone or came back, as a notification would say; null while neither."""

    status: Literal["pending", "succeeded", "failed"]
    provider_refund_id: str | None = None
    fact: Refunded | RefundFailed | None = None
    detail: str = ""


@runtime_checkable
class Refunding(Protocol):
    """Refund a payment on request.

    A request is sent once, or again under the same idempotency key. ProviderRefused is a definite no; after
    ProviderUnavailable nothing is known.

    takes_part: it refunds parts, too. is_named: it repeats our refund's ID. is_repeatable: a repeated request
    makes one refund. tells_parts: notifications report single refunds beside their sum, as facts with
    is_part.
    """

    takes_part: bool
    is_named: bool
    is_repeatable: bool
    tells_parts: bool

    async def refund(self, request: RefundRequest) -> RefundWord: ...

    async def find_refund(self, request: RefundRequest) -> RefundWord | None:
        """Return its outcome; None if the provider knows of none. Raises ProviderUnavailable."""
        ...


# Less than the day for which providers recognise a repeated request.
CHARGE_KEY_S: Final = 20 * 3600

DeclineReason = Literal[
    "authentication_required",  # the payer's bank wants to hear from the payer
    "insufficient_funds",
    "try_later",  # the bank or the provider could not decide now
    "card_expired",
    "card_declined",
    "card_removed",  # the provider keeps it no longer
]
# A later charge of the same payment method may succeed.
RETRIED: Final[frozenset[str]] = frozenset({"insufficient_funds", "try_later"})


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """ref: the provider's ID; brand and last4 as on the card; expires as 2027-04."""

    ref: str
    brand: str
    last4: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class SavingRequest:
    """key: of one try to open the page."""

    key: str
    customer_ref: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Made from the order's rows alone, so that it is the same each time."""

    order_id: str
    customer_ref: str
    method_ref: str
    price: Price
    title: str


@dataclass(frozen=True, slots=True)
class Charged:
    """ref: for `inquire`; facts: what the provider says of the charge."""

    ref: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no: nothing was or will be taken without the payer. ref: the tried payment."""

    reason: DeclineReason
    ref: str | None = None


@runtime_checkable
class SavedPayments(Protocol):
    """Save a payer's payment method, after consent on the provider's page, and charge it while the payer is
    away.

    A charge names the order and is made once, however often the request is sent within CHARGE_KEY_S. Each
    call raises ProviderUnavailable (nothing is known) and ProviderRefused.
    """

    async def new_customer(self, key: str, email: str | None) -> str: ...

    async def save_page(self, request: SavingRequest) -> str: ...

    async def saved(self, customer_ref: str) -> Sequence[SavedMethod]: ...

    async def forget(self, method_ref: str) -> None: ...

    async def charge(self, request: ChargeRequest) -> Charged | Declined: ...

    async def charged(self, request: ChargeRequest, since_at: int) -> Charged | Declined | None:
        """Return the order's charge, made no earlier than then; None: none was made."""
        ...

    async def give_up(self, ref: str) -> bool:
        """Return whether nobody can make that payment any more; False: it was made meanwhile."""
        ...


@runtime_checkable
class KeepsPayments(Protocol):
    """It saves payments wherever it has credentials, and when simulated."""

    @property
    def keeps_payments(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class SharedToken:
    """left: in the limit's currency; null: no known limit. is_ended: used up, revoked or expired."""

    left: Price | None
    expires_at: int | None
    is_ended: bool


@dataclass(frozen=True, slots=True)
class TokenCharge:
    """The same each time. payment_id: ours, by which it is found again."""

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
    """A definite no, also for every earlier request of this charge; reason: a word."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenPending:
    ref: str


TokenOutcome = TokenCharged | TokenDeclined | TokenPending


@runtime_checkable
class SharedTokens(Protocol):
    """Charge a payer by a shared payment token: consent for one seller, up to an amount and an expiry.

    A repeated `charge` returns the first outcome. No log or error contains a token. Calls raise
    ProviderUnavailable (nothing is known) and ProviderRefused (a no to this request alone).
    """

    @property
    def seller_id(self) -> str: ...

    async def find_token(self, token: str) -> SharedToken | None: ...

    async def charge_token(self, request: TokenCharge) -> TokenOutcome: ...

    async def token_charged(self, payment_id: str, ref: str | None) -> TokenOutcome | None:
        """Return the charge's outcome, by ref or our ID, without charging. None: that ID is unknown, which
        may change within a minute.
        """
        ...


Act = Literal["cancel", "cancel_now", "pause", "resume", "change"]


class PaymentDeclined(ProviderRefused):
    """A payment due at once failed: the card was declined, or its bank asks the payer."""


@dataclass(frozen=True, slots=True)
class SteerRequest:
    """cancel: at the end of its period. resumes_at None: when it is resumed. key: the same for each try of
    one change.

    For a change of plans product_ref is the provider's new price or product. is_charged_now: the rest of the
    period is paid at once, else the new price counts from the next period on. is_at_end: nothing changes
    before the next period.
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
        """Return what is requested, as it follows "refused"."""
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
        """Do it, and return the standing afterwards. Raises ProviderUnavailable (the outcome is unknown; read
        the standing before a repeat), ProviderRefused (a definite no), and PaymentDeclined for a change
        charged now.
        """
        ...


@runtime_checkable
class Scheduling(Protocol):
    @property
    def has_schedules(self) -> bool: ...


@runtime_checkable
class Pausing(Protocol):
    """pauses_until: also until a given time."""

    @property
    def pauses_until(self) -> bool: ...


@runtime_checkable
class Previewing(Protocol):
    async def preview(self, request: SteerRequest) -> Price:
        """Return what would be charged now, with tax; raise ProviderUnavailable and ProviderRefused."""
        ...


@dataclass(frozen=True, slots=True)
class WantedPrice:
    """ref: the provider's price or product."""

    plan_id: str
    interval: Interval
    ref: str
    price: Price


@dataclass(frozen=True, slots=True)
class WantedSetup:
    """notify_url: where notifications arrive; empty: PUBLIC_URL isn't set."""

    is_live: bool
    notify_url: str
    prices: Sequence[WantedPrice] = ()

    def setting(self, name: str) -> str:
        """Return the variable of one of the provider's settings, such as STRIPE_SECRET_KEY."""
        provider, _, field = name.partition("_")
        return f"TOPUP_{provider}_{'' if self.is_live else 'STAGING_'}{field}"


@dataclass(frozen=True, slots=True)
class SetupFinding:
    """is_well null: it couldn't be checked, or may be intended. detail: what to do, without a secret."""

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


def unlisted_webhook(label: str, wanted: WantedSetup) -> SetupFinding:
    if not wanted.notify_url:
        detail = "TOPUP_PUBLIC_URL is not set, so no notification can arrive"
        return SetupFinding("webhook", False, detail)
    detail = f"{label}'s API lists none: see in its portal that {wanted.notify_url} is there"
    return SetupFinding("webhook", None, detail)
