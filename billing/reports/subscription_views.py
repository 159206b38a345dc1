"""API views of subscriptions, requested changes, and the cost of a change."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct, convert

from billing.ledger.money import MICROS_PER_CREDIT
from billing.payments.steering import ChangePreview
from billing.reports.subscription_overview import SubscriptionOverview
from billing.subscriptions.subscription import Period
from kernel.clock import rfc3339
from kernel.fields import said
from kernel.shaped import Shaped
from kernel.words import Credits, CurrencyCode, MinorUnits, Time

BillingInterval = Literal["month", "year"]


class UpcomingCharge(Struct, kw_only=True):
    """The next charge: its time, and its price before tax, discounts and the customer's balance at the
    provider.
    """

    at: Time
    amount: MinorUnits
    currency: CurrencyCode


class PendingAction(Struct, kw_only=True):
    """A change that was requested from the provider and isn't complete yet."""

    action: Annotated[
        Literal["cancel", "cancel_now", "pause", "resume", "change"],
        Meta(description="What was asked for."),
    ]
    plan_id: Annotated[str | None, Meta(description="Of a change.")]
    interval: Annotated[BillingInterval | None, Meta(description="Of a change.")]
    requested_at: Time
    is_outcome_unknown: Annotated[
        bool,
        Meta(description="The provider gave no clear answer so far; it is asked again by itself."),
    ]
    attempts: Annotated[int, Meta(ge=1, description="How many times the provider was asked.")]


class Subscription(Struct, kw_only=True):
    """A plan that the account has or had. Its state changes only when the provider reports it."""

    id: Annotated[str, Meta(pattern=r"^sub_[0-9A-Za-z]+$")]
    status: Annotated[
        Literal["incomplete", "trialing", "active", "past_due", "paused", "cancelled", "expired"],
        Meta(
            description=(
                "incomplete: its first payment has not come. past_due: a renewal was not paid; it"
                " expires at grace_ends_at. paused: its provider charges nothing, and no credit comes for"
                " time that is not paid, until it goes on. cancelled: ended by choice; expired: not paid."
            )
        ),
    ]
    provider: Annotated[str, Meta(description="Who bills it.")]
    order_id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    plan_id: str
    plan_name: str
    interval: BillingInterval
    amount: Annotated[
        int, Meta(ge=0, description="Of one period, in the smallest unit."), said(unit="minor")
    ]
    currency: CurrencyCode
    credits: Annotated[int, Meta(ge=0, description="Of one period; 1 credit is $0.001.")]
    current_period_start: Annotated[
        Time | None, Meta(description="Null before the first period is paid.")
    ]
    current_period_end: Annotated[Time | None, Meta(description="Until when it is paid.")]
    trial_ends_at: Annotated[Time | None, Meta(description="Null: it began without a trial.")]
    cancel_at_period_end: bool
    next_plan_id: Annotated[
        str | None, Meta(description="Another plan that was chosen, from the next period on.")
    ]
    next_interval: BillingInterval | None
    next_charge: Annotated[
        UpcomingCharge | None,
        Meta(
            description="Null while it is paused, and where it ends with its period, or has ended."
        ),
    ]
    grace_ends_at: Annotated[
        Time | None, Meta(description="While it is past due: when it expires, unless it is paid.")
    ]
    paused_at: Annotated[Time | None, Meta(description="While it is paused: since when.")]
    resumes_at: Annotated[
        Time | None,
        Meta(
            description="While it is paused: when it goes on by itself; null: when it is resumed."
        ),
    ]
    credits_granted: Credits
    created_at: Time
    ended_at: Time | None
    pending: Annotated[
        PendingAction | None,
        Meta(description="What was asked of the provider and is not done yet; null: nothing."),
    ]

    @classmethod
    def of(cls, seen: SubscriptionOverview) -> "Subscription":
        return convert(seen.shape(), cls)


class PaidPeriod(Shaped, kw_only=True):
    """A period that was paid for, or that an operator gave for free."""

    id: Annotated[str, Meta(pattern=r"^per_[0-9A-Za-z]+$")]
    period_start: Time
    period_end: Time
    plan_id: str
    amount: MinorUnits
    currency: CurrencyCode
    credits: Credits
    invoice_id: Annotated[str | None, Meta(description="Null for one that was given free.")]
    given_free: Annotated[str | None, Meta(description="Why it was given free.")]

    @classmethod
    def of(cls, period: Period, /, **_more: Any) -> Self:
        return super().of(
            period,
            period_start=rfc3339(period.period_start_at),
            period_end=rfc3339(period.period_end_at),
            credits=period.credits_micros // MICROS_PER_CREDIT,
            invoice_id=None if period.comp_reason is not None else period.invoice_id,
            given_free=period.comp_reason,
        )


class RequestedChange(Shaped, kw_only=True):
    """A change that was requested from the provider, whether complete or not."""

    action: Annotated[str, Meta(description="cancel, cancel_now, pause, resume or change.")]
    plan_id: str | None
    status: str
    requested_by: Annotated[str, Meta(description="The credential or the person that asked.")]
    requested_at: Time
    attempts: Annotated[int, Meta(ge=0, description="How many times the provider was asked.")]
    reason: Annotated[str | None, Meta(description="Why it isn't done.")]


class SubscriptionMail(Shaped, kw_only=True):
    """An email to the account's owner about a failed payment."""

    kind: Annotated[str, Meta(description="What it is about.")]
    status: str
    written_at: Time
    attempts: Annotated[int, Meta(ge=0, description="How many times it was sent.")]
    reason: str | None


class OperatorSubscription(Subscription, kw_only=True):
    """A subscription with its account and the provider's IDs."""

    account_id: str
    environment: Literal["staging", "live"]
    is_simulated: Annotated[bool, Meta(description="The sandbox stands in for its provider.")]
    provider_ref: Annotated[str | None, Meta(description="The provider's name of it.")]
    customer_ref: Annotated[str | None, Meta(description="The provider's name of the customer.")]

    @classmethod
    def of(cls, seen: SubscriptionOverview) -> "OperatorSubscription":
        return convert(_fields_of(seen), cls)


class SubscriptionHistory(OperatorSubscription, kw_only=True):
    """A subscription with its periods, oldest first, and the changes requested from its provider."""

    periods: Annotated[list[PaidPeriod], Meta(description="The oldest first.")]
    changes: Annotated[
        list[RequestedChange], Meta(description="What was asked of the provider, the newest first.")
    ]
    mails: Annotated[list[SubscriptionMail], Meta(description="What its owner was told.")]

    @classmethod
    def of(cls, seen: SubscriptionOverview) -> "SubscriptionHistory":
        changes = [
            RequestedChange.of(one, action=one.act, requested_at=rfc3339(one.created_at))
            for one in seen.changes
        ]
        mails = [SubscriptionMail.of(one, written_at=rfc3339(one.created_at)) for one in seen.mails]
        periods = [PaidPeriod.of(period) for period in seen.periods]
        lists = {"periods": periods, "changes": changes, "mails": mails}
        return convert({**_fields_of(seen), **lists}, cls)


class PlanChange(Struct, kw_only=True):
    """The cost of a change, and the time from which the new price applies."""

    subscription_id: Annotated[str, Meta(pattern=r"^sub_[0-9A-Za-z]+$")]
    plan_id: str
    plan_name: str
    interval: BillingInterval
    amount: Annotated[int, Meta(ge=0, description="Of one period then, in the smallest unit.")]
    currency: CurrencyCode
    is_charged_now: Annotated[
        bool,
        Meta(description="A dearer plan is paid for at once; a cheaper one from the next period."),
    ]
    amount_due: Annotated[int, Meta(ge=0, description="What is charged now, in the smallest unit.")]
    is_estimate: Annotated[
        bool,
        Meta(
            description="Worked out by the gateway, without tax: the provider tells no price before."
        ),
    ]
    effective_at: Time

    @classmethod
    def of(cls, seen: ChangePreview) -> "PlanChange":
        item = seen.item
        return cls(
            subscription_id=seen.subscription.id,
            plan_id=item.plan_id,
            plan_name=item.name,
            interval=item.interval,
            amount=item.price.amount,
            currency=item.price.currency,
            is_charged_now=seen.is_charged_now,
            amount_due=seen.due.amount,
            is_estimate=seen.is_estimate,
            effective_at=rfc3339(seen.at),
        )


class FreePeriod(Shaped, kw_only=True):
    """A period that an operator gave for free."""

    id: Annotated[str, Meta(pattern=r"^per_[0-9A-Za-z]+$")]
    subscription_id: Annotated[str, Meta(pattern=r"^sub_[0-9A-Za-z]+$")]
    plan_id: str
    period_start: Time
    period_end: Time
    credits: Annotated[int, Meta(ge=0, description="What it gave so far, and was not taken back.")]
    reason: str
    granted_by: Annotated[str | None, Meta(description="Who gave it; null: nobody is known.")]
    revoked_at: Time | None

    @classmethod
    def of(cls, period: Period, /, **_more: Any) -> Self:
        taken_at = period.comp_ended_at
        return super().of(
            period,
            period_start=rfc3339(period.period_start_at),
            period_end=rfc3339(period.period_end_at),
            credits=(period.credits_micros - period.reversed_micros) // MICROS_PER_CREDIT,
            reason=period.comp_reason or "",
            granted_by=period.comp_by,
            revoked_at=None if taken_at is None else rfc3339(taken_at),
        )


def _fields_of(seen: SubscriptionOverview) -> dict[str, object]:
    one = seen.subscription
    return {
        **seen.shape(),
        "account_id": one.account_id,
        "environment": one.environment,
        "is_simulated": one.is_simulated,
        "provider_ref": one.provider_ref,
        "customer_ref": one.customer_ref,
    }
