"""Define the data of events about money. webhooks/events/schemas.py lists all events."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.shaped import Shaped
from kernel.words import Cents, Currency, Minor, PositiveCents, Time

# typing.Literal doesn't accept booleans here.
Sample = Annotated[
    bool,
    Meta(
        description="Present only in the sample of a test ping, where nothing is real.",
        extra_json_schema={"const": True},
    ),
]
OrderId = Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]


class EventData(Shaped, kw_only=True):
    """Fields of every event's data."""

    test: Sample | UnsetType = UNSET


class LowBalance(EventData, kw_only=True):
    """The account's wallet after a change that took its balance below the threshold."""

    balance_cents: Cents
    low_balance_threshold_cents: PositiveCents
    currency: Literal["USD"]


class SucceededRecharge(EventData, kw_only=True):
    """Credit that was bought automatically because the balance was low."""

    order_id: OrderId
    amount_cents: PositiveCents
    method: Annotated[str, Meta(description="The payment method, as its owner knows it.")]
    balance_cents: Cents
    currency: Literal["USD"]


class FailedRecharge(EventData, kw_only=True):
    """An automatic purchase that failed or, if `disputed`, one that the payer's bank disputes.

    order_id is null if no charge was tried. retry_at is null if no retry is planned. url is null if nobody can
    confirm the payment.
    """

    order_id: OrderId | None
    amount_cents: PositiveCents
    method: Annotated[str, Meta(description="The payment method, as its owner knows it.")]
    reason: Annotated[
        Literal[
            "authentication_required",
            "insufficient_funds",
            "try_later",
            "card_expired",
            "card_declined",
            "card_removed",
            "monthly_max",
            "refused",
            "switched_off",
            "unknown_outcome",
            "disputed",
        ],
        Meta(description="The reason for the failure."),
    ]
    disabled: Annotated[bool, Meta(description="Whether auto-recharge is now turned off.")]
    failures: Annotated[
        int,
        Meta(ge=0, description="Charges that failed in a row. The third turns auto-recharge off."),
    ]
    retry_at: Time | None
    url: Annotated[str | None, Meta(description="The page to confirm the payment, if needed.")]
    currency: Literal["USD"]


class Order(EventData, kw_only=True):
    """An order for credit. `reference` is the transaction ID (txn_…) of its events and deliveries."""

    id: OrderId
    status: Literal[
        "pending",
        "paid",
        "failed",
        "expired",
        "review",
        "partially_refunded",
        "refunded",
        "disputed",
    ]
    provider: str
    url: Annotated[str | None, Meta(description="The payment page. Null if nothing is to be paid.")]
    pack_id: str | None
    amount: Minor
    currency: Currency
    pay_amount: Minor
    pay_currency: Currency
    credits: Annotated[int, Meta(ge=0, description="The number of credits. 1 credit is $0.001.")]
    refunded_amount: Annotated[
        int, Meta(ge=0, description="The amount refunded so far, in the unit of pay_amount.")
    ]
    coupon: str | None
    order_no: Annotated[
        str,
        Meta(pattern=r"^[0-9a-f]{32}$", description="The order's number at the provider."),
    ]
    reference: Annotated[
        str | None, Meta(description="The txn_… ID of the order's events and deliveries.")
    ]
    created_at: Time
    paid_at: Time | None
    origin: Annotated[
        Literal["recharge"] | None,
        Meta(description="recharge for automatic orders."),
    ]
    paid_amount: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="The amount paid before tax, in the unit of pay_amount. 0 for a trial. Null "
            "if nothing was paid yet."
        ),
    ]
    trial_days: Annotated[int, Meta(ge=0, description="The length of the free trial.")]


class RefundedOrder(Order, kw_only=True):
    """An order whose payment was refunded, in part or in full. Amounts are in the smallest unit of pay_currency."""

    refunded_cents: Annotated[int, Meta(description="The amount refunded now, at least 0.")]
    refunded_total_cents: Minor
    reason: str


class DisputedOrder(RefundedOrder, kw_only=True):
    """An order whose payment the payer's bank disputes, in part or in full.

    refunded_cents is 0 if the bank has not withdrawn any more money.
    """

    dispute_id: Annotated[str, Meta(description="The dispute's ID at the provider.")]
    disputed_cents: Annotated[int, Meta(ge=1, description="The amount of the dispute.")]


class RestoredOrder(Order, kw_only=True):
    """An order whose payment was returned to us. Amounts are in the smallest unit of pay_currency.

    refunded_total_cents is the amount that remains refunded or disputed.
    """

    restored_cents: Annotated[
        int,
        Meta(ge=0, description="The amount returned now. 0 if a refund had already returned it."),
    ]
    refunded_total_cents: Minor
    reason: str


class OpenedDispute(EventData, kw_only=True):
    """A dispute, or an inquiry (which withdraws no money). `amount` is in the currency's smallest unit.

    evidence_due_at is the deadline for evidence. It is null if the provider sets none.
    """

    id: str
    provider: str
    environment: Literal["staging", "live"]
    account_id: str | None
    order_id: str | None
    amount: Minor
    currency: str
    status: str
    reason: Annotated[str, Meta(description="The reason given by the payer's bank.")]
    is_inquiry: bool
    evidence_due_at: Time | None
    page_url: str | None
    created_at: Time
    ended_at: Time | None


class _EndingCredit(EventData, kw_only=True):
    """Credit that expires. plan_id and subscription_id are null for promotional credit."""

    id: Annotated[str, Meta(pattern=r"^[a-z]+_[0-9A-Za-z]+$", description="The grant's ID.")]
    kind: Annotated[
        Literal["plan", "promotional"],
        Meta(description="The kind of credit. plan: credit paid for with a plan."),
    ]
    amount_micros: Annotated[int, Meta(ge=1, description="The amount in millionths of a dollar.")]
    amount_cents: Annotated[int, Meta(ge=0, description="Whole US cents, rounded down.")]
    currency: Literal["USD"]
    expires_at: Time
    plan_id: str | None
    subscription_id: str | None


class ExpiringCredit(_EndingCredit, kw_only=True):
    """Credit that expires in a few days unless it is spent."""

    days_before: Annotated[int, Meta(ge=1, description="The most days left.")]
    rolls_over_micros: Annotated[
        int, Meta(ge=0, description="The credit that rolls over if the next period is paid.")
    ]


class ExpiredCredit(_EndingCredit, kw_only=True):
    """Credit that expired unused. The event is sent only when it is clear that the credit doesn't roll over."""


class NextCharge(Struct, kw_only=True):
    """When the next period is charged, and its price before tax, discounts and the customer's balance."""

    at: Time
    amount: Minor
    currency: Currency


class Subscription(EventData, kw_only=True):
    """An account's subscription to a plan, after the reported change.

    - credits: what one paid period grants.
    - credits_granted: what all periods have granted so far.
    - credits_granted_now: what this change granted.
    - next_charge: null while the subscription is paused, if it ends with its period, or if it has ended.
    - next_plan_id, next_interval: the plan that starts with the next period, if it changes.
    - grace_ends_at: when the subscription expires, if a payment is past due.
    - resumes_at: when a pause ends, or null if it has no end.
    """

    id: Annotated[str, Meta(pattern=r"^sub_[0-9A-Za-z]+$")]
    status: Literal[
        "incomplete", "trialing", "active", "past_due", "paused", "cancelled", "expired"
    ]
    provider: str
    order_id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    plan_id: str
    plan_name: str
    interval: Literal["month", "year"]
    amount: Minor
    currency: Currency
    credits: Annotated[int, Meta(ge=0, description="The number of credits. 1 credit is $0.001.")]
    current_period_start: Time | None
    current_period_end: Time | None
    trial_ends_at: Time | None
    cancel_at_period_end: bool
    next_plan_id: str | None
    next_interval: Literal["month", "year"] | None
    next_charge: NextCharge | None
    grace_ends_at: Time | None
    paused_at: Time | None
    resumes_at: Time | None
    credits_granted: Annotated[int, Meta(ge=0)]
    credits_granted_now: Annotated[
        int, Meta(ge=0, description="The credits granted by this event. 0 if none.")
    ]
    created_at: Time
    ended_at: Time | None
