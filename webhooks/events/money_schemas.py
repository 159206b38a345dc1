"""The schemas of events about money. webhooks/events/schemas.py lists them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.shaped import Shaped
from kernel.words import Cents, Currency, Minor, PositiveCents, Time

# Literal takes no booleans.
Sample = Annotated[
    bool,
    Meta(
        description="There in the sample of a test ping only: nothing of it is real.",
        extra_json_schema={"const": True},
    ),
]
OrderId = Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]


class EventData(Shaped, kw_only=True):
    """What any event's data may carry."""

    test: Sample | UnsetType = UNSET


class LowBalance(EventData, kw_only=True):
    """The account's wallet, after the change that took it below the threshold."""

    balance_cents: Cents
    low_balance_threshold_cents: PositiveCents
    currency: Literal["USD"]


class SucceededRecharge(EventData, kw_only=True):
    """Credit that was bought by itself when the balance fell. method is as its owner knows it."""

    order_id: OrderId
    amount_cents: PositiveCents
    method: Annotated[str, Meta(description="The means of payment, as its owner knows it.")]
    balance_cents: Cents
    currency: Literal["USD"]


class FailedRecharge(EventData, kw_only=True):
    """A fall of the balance for which nothing could be bought, or (disputed) a charge that the payer's bank
    took back or asks about. order_id is null where no charge was tried; retry_at where it is not tried
    again by itself; url where no person can confirm it.
    """

    order_id: OrderId | None
    amount_cents: PositiveCents
    method: Annotated[str, Meta(description="The means of payment, as its owner knows it.")]
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
        Meta(description="Why nothing was bought."),
    ]
    disabled: Annotated[bool, Meta(description="No fall is charged until it is set again.")]
    failures: Annotated[
        int, Meta(ge=0, description="Charges that failed in a row; the third ends it.")
    ]
    retry_at: Time | None
    url: Annotated[str | None, Meta(description="Where a person confirms the payment.")]
    currency: Literal["USD"]


class Order(EventData, kw_only=True):
    """An order of credit. reference is the txn_… that its events and deliveries are found by."""

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
    url: Annotated[
        str | None, Meta(description="Where the payer goes; null where nothing is to be paid.")
    ]
    pack_id: str | None
    amount: Minor
    currency: Currency
    pay_amount: Minor
    pay_currency: Currency
    credits: Annotated[int, Meta(ge=0, description="1 credit is $0.001.")]
    refunded_amount: Annotated[
        int, Meta(ge=0, description="How much of the payment went back, as pay_amount.")
    ]
    coupon: str | None
    order_no: Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-f]{32}$", description="The order's number, as the provider is told it."
        ),
    ]
    reference: Annotated[
        str | None, Meta(description="The txn_… that its events and deliveries are found by.")
    ]
    created_at: Time
    paid_at: Time | None
    origin: Annotated[
        Literal["recharge"] | None,
        Meta(description="recharge: bought by itself. Null: somebody ordered it."),
    ]
    paid_amount: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."
        ),
    ]
    trial_days: Annotated[int, Meta(ge=0, description="The free days that a plan begins with.")]


class RefundedOrder(Order, kw_only=True):
    """An order of which something went back; in the smallest unit of pay_currency."""

    refunded_cents: Annotated[int, Meta(description="How much more went back now; never below 0.")]
    refunded_total_cents: Minor
    reason: str


class DisputedOrder(RefundedOrder, kw_only=True):
    """An order whose payment the payer's bank took, in part or in full. refunded_cents 0: no more is gone now."""

    dispute_id: Annotated[str, Meta(description="The provider's ID of the dispute.")]
    disputed_cents: Annotated[int, Meta(ge=1, description="The amount of the dispute.")]


class RestoredOrder(Order, kw_only=True):
    """An order of which something came back to us; in the smallest unit of pay_currency.

    refunded_total_cents: what is still gone.
    """

    restored_cents: Annotated[
        int, Meta(ge=0, description="How much came back now; 0: a refund had returned it before.")
    ]
    refunded_total_cents: Minor
    reason: str


class OpenedDispute(EventData, kw_only=True):
    """A dispute, or an inquiry, which took no money; amount in the smallest unit of its currency.

    evidence_due_at: until when evidence counts; null where the provider does not tell.
    """

    id: str
    provider: str
    environment: Literal["staging", "live"]
    account_id: str | None
    order_id: str | None
    amount: Minor
    currency: str
    status: str
    reason: Annotated[str, Meta(description="What the payer's bank says.")]
    is_inquiry: bool
    evidence_due_at: Time | None
    page_url: str | None
    created_at: Time
    ended_at: Time | None


class _EndingCredit(EventData, kw_only=True):
    """Credit with an end. plan_id and subscription_id are null where it is promotional."""

    id: Annotated[str, Meta(pattern=r"^[a-z]+_[0-9A-Za-z]+$", description="The grant's id.")]
    kind: Annotated[
        Literal["plan", "promotional"], Meta(description="plan: it was paid for with a plan.")
    ]
    amount_micros: Annotated[int, Meta(ge=1, description="1,000,000 are 1 US dollar.")]
    amount_cents: Annotated[int, Meta(ge=0, description="In whole US cents, rounded down.")]
    currency: Literal["USD"]
    expires_at: Time
    plan_id: str | None
    subscription_id: str | None


class ExpiringCredit(_EndingCredit, kw_only=True):
    """What of it will be lost, some days before its end, unless it is spent."""

    days_before: Annotated[int, Meta(ge=1, description="At most so many days are left.")]
    rolls_over_micros: Annotated[
        int, Meta(ge=0, description="What goes on beside it, if the next period is paid.")
    ]


class ExpiredCredit(_EndingCredit, kw_only=True):
    """What was lost of it at its end, or later, once it is known that it does not go on into a next period."""


class NextCharge(Struct, kw_only=True):
    """When the next period is charged, and its price before tax, discounts and customer's balance."""

    at: Time
    amount: Minor
    currency: Currency


class Subscription(EventData, kw_only=True):
    """A plan that an account has, after the turn that is told.

    credits: of one paid period; credits_granted: of all of its periods so far; credits_granted_now: what this
    turn granted, which in a trial is the trial's credit. next_charge is null while it is paused, and where it
    ends with its period, or has ended. next_plan_id and next_interval: another plan that was chosen, from
    the next period on. grace_ends_at: while it is past due, when it expires unless it is paid. paused_at,
    resumes_at: while it is paused; resumes_at is null where the pause has no end of its own.
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
    credits: Annotated[int, Meta(ge=0, description="1 credit is $0.001.")]
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
        int, Meta(ge=0, description="What this turn granted; 0: it granted nothing.")
    ]
    created_at: Time
    ended_at: Time | None
