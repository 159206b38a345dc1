"""Read an account's subscriptions with their periods and changes, and define their API views."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct, convert

from billing.catalog import plan as plans
from billing.catalog.plan import Plan
from billing.documents.document import receipts_of
from billing.ledger.money import MICROS_PER_CREDIT
from billing.payments.steering import ChangePreview
from billing.recipients import owner_mail
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions import records as subscription_rows, subscription_change
from billing.subscriptions.subscription import LIVING, Period, Subscription as Row
from billing.subscriptions.subscription_change import SubscriptionChange
from billing.subscriptions.turn import shape
from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.fields import said
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import Credits, CurrencyCode, MinorUnits, Time
from store.database import Transaction
from store.keyset import Begin


@dataclass(frozen=True, slots=True)
class SubscriptionOverview:
    """`periods` starts with the oldest, and `changes` with the newest."""

    subscription: Row
    periods: Sequence[Period]
    open_change: SubscriptionChange | None
    changes: Sequence[SubscriptionChange] = ()
    mails: Sequence[OwnerMail] = ()

    @property
    def id(self) -> str:
        return self.subscription.id

    def shape(self) -> dict[str, Any]:
        change = self.open_change
        return {
            **shape(self.subscription, self.periods),
            "pending": None if change is None else pending_shape(change),
        }


def pending_shape(change: SubscriptionChange) -> dict[str, Any]:
    return {
        "action": change.act,
        "plan_id": change.plan_id,
        "interval": change.interval,
        "requested_at": rfc3339(change.created_at),
        "is_outcome_unknown": change.reason is not None,
        "attempts": change.attempts,
    }


async def overview(
    tx: Transaction, subscription_id: str, *, tenant: Tenant | None = None, environment: str = ""
) -> SubscriptionOverview:
    found = await subscription_rows.find(tx, subscription_id)
    is_there = found is not None and (
        found.tenant == tenant if tenant is not None else environment in {"", found.environment}
    )
    if found is None or not is_there:
        raise NotFound("Subscription")
    [seen] = await _with_parts(tx, [found])
    place = {"account_id": found.account_id, "environment": found.environment, "id": found.id}
    changes = await subscription_change.of_subscription(tx, place)
    mails = await owner_mail.of_subscription(tx, found.tenant, found.id)
    return SubscriptionOverview(found, seen.periods, seen.open_change, changes, mails)


async def overviews(
    tx: Transaction,
    environment: str,
    *,
    account_id: str | None,
    status: str | None = None,
    before_id: Begin,
    limit: int,
) -> Sequence[SubscriptionOverview]:
    found = await subscription_rows.page_of_all(
        tx, environment, status=status, account_id=account_id, before_id=before_id, limit=limit
    )
    return await _with_parts(tx, found)


async def _with_parts(tx: Transaction, found: Sequence[Row]) -> Sequence[SubscriptionOverview]:
    ids = [one.id for one in found]
    periods = await subscription_rows.load_periods(tx, ids)
    changes = await subscription_change.open_of(tx, ids)
    return [
        SubscriptionOverview(one, periods.get(one.id, []), changes.get(one.id)) for one in found
    ]


@dataclass(frozen=True, slots=True)
class PlanOverview:
    own: Row | None
    periods: Sequence[Period]
    sold: Sequence[Plan]
    had_trial: bool = False
    receipts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_living(self) -> bool:
        return self.own is not None and self.own.status in LIVING


async def plan_overview(tx: Transaction, tenant: Tenant) -> PlanOverview:
    own = await subscription_rows.latest(tx, tenant)
    periods = {} if own is None else await subscription_rows.load_periods(tx, [own.id])
    paid = periods.get(own.id, []) if own is not None else []
    sold = await plans.list_plans(tx, tenant.environment)
    tried = (await subscription_rows.load_carried(tx, [tenant])).tried
    receipts = await receipts_of(tx, (one.id for one in paid)) if paid else {}
    return PlanOverview(own, paid[::-1], sold, tenant in tried, receipts)


@dataclass(frozen=True, slots=True)
class OrderedPlan:
    subscription: Row
    periods: Sequence[Period]

    @property
    def credited_micros(self) -> int:
        return sum(one.credits_micros - one.reversed_micros for one in self.periods)


async def plan_of_order(tx: Transaction, order_id: str) -> OrderedPlan | None:
    begun = await subscription_rows.find_by_order(tx, order_id)
    if begun is None:
        return None
    paid = (await subscription_rows.load_periods(tx, [begun.id])).get(begun.id, [])
    return OrderedPlan(begun, paid[::-1])


BillingInterval = Literal["month", "year"]


class UpcomingCharge(Struct, kw_only=True):
    """The next charge and when it is due. Tax, discounts and the customer's balance at the provider aren't included."""

    at: Time
    amount: MinorUnits
    currency: CurrencyCode


class PendingAction(Struct, kw_only=True):
    """A change that was requested from the provider and isn't complete yet."""

    action: Annotated[
        Literal["cancel", "cancel_now", "pause", "resume", "change"],
        Meta(description="The requested change."),
    ]
    plan_id: Annotated[str | None, Meta(description="The new plan's ID, if it changes.")]
    interval: Annotated[
        BillingInterval | None, Meta(description="The new interval, if it changes.")
    ]
    requested_at: Time
    is_outcome_unknown: Annotated[
        bool,
        Meta(
            description="True while the provider's response is unclear. The request is repeated automatically."
        ),
    ]
    attempts: Annotated[int, Meta(ge=1, description="The number of calls to the provider.")]


class Subscription(Struct, kw_only=True):
    """A plan that the account has or had. Its state changes only when the provider reports a change."""

    id: Annotated[str, Meta(pattern=r"^sub_[0-9A-Za-z]+$")]
    status: Annotated[
        Literal["incomplete", "trialing", "active", "past_due", "paused", "cancelled", "expired"],
        Meta(
            description="incomplete: the first payment isn't made yet. past_due: a renewal wasn't paid; the plan"
            " expires at grace_ends_at. paused: the provider charges nothing, and unpaid time grants no credit,"
            " until the plan resumes. cancelled: ended by choice. expired: ended because it wasn't paid."
        ),
    ]
    provider: Annotated[str, Meta(description="The payment provider that bills the plan.")]
    order_id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    plan_id: str
    plan_name: str
    interval: BillingInterval
    amount: Annotated[
        int,
        Meta(ge=0, description="The price of one period, in the currency's smallest unit."),
        said(unit="minor"),
    ]
    currency: CurrencyCode
    credits: Annotated[
        int, Meta(ge=0, description="The number of credits in one period. 1 credit is $0.001.")
    ]
    current_period_start: Annotated[
        Time | None, Meta(description="The start of the paid period. Null before payment.")
    ]
    current_period_end: Annotated[Time | None, Meta(description="The end of the paid time.")]
    trial_ends_at: Annotated[
        Time | None, Meta(description="The end of the trial. Null without a trial.")
    ]
    cancel_at_period_end: bool
    next_plan_id: Annotated[
        str | None, Meta(description="The plan from the next period on, if another one was chosen.")
    ]
    next_interval: BillingInterval | None
    next_charge: Annotated[
        UpcomingCharge | None,
        Meta(
            description=(
                "The next charge. Null if the plan is paused, ends with its period or has ended."
            )
        ),
    ]
    grace_ends_at: Annotated[
        Time | None, Meta(description="When a plan that is past due expires unless it is paid.")
    ]
    paused_at: Annotated[
        Time | None, Meta(description="When the plan was paused. Null if it isn't paused.")
    ]
    resumes_at: Annotated[
        Time | None,
        Meta(
            description="When a paused plan resumes automatically. Null if you have to resume it."
        ),
    ]
    credits_granted: Credits
    created_at: Time
    ended_at: Time | None
    pending: Annotated[
        PendingAction | None,
        Meta(description="A requested change that isn't complete yet, or null."),
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
    invoice_id: Annotated[
        str | None, Meta(description="The provider's invoice. Null for a free period.")
    ]
    given_free: Annotated[
        str | None, Meta(description="Why the period was given for free, or null.")
    ]

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

    action: Annotated[
        str, Meta(description="The action: cancel, cancel_now, pause, resume or change.")
    ]
    plan_id: str | None
    status: str
    requested_by: Annotated[
        str, Meta(description="The credential or person that requested the change.")
    ]
    requested_at: Time
    attempts: Annotated[int, Meta(ge=0, description="The number of calls to the provider.")]
    reason: Annotated[str | None, Meta(description="Why the change wasn't made.")]


class SubscriptionMail(Shaped, kw_only=True):
    """An email to the account's owner about a failed payment."""

    kind: Annotated[str, Meta(description="The kind of email.")]
    status: str
    written_at: Time
    attempts: Annotated[int, Meta(ge=0, description="The number of attempts to send the email.")]
    reason: str | None


class OperatorSubscription(Subscription, kw_only=True):
    """A subscription with its account and the provider's IDs."""

    account_id: str
    environment: Literal["staging", "live"]
    is_simulated: Annotated[bool, Meta(description="True if the sandbox simulates the provider.")]
    provider_ref: Annotated[str | None, Meta(description="The subscription's ID at the provider.")]
    customer_ref: Annotated[str | None, Meta(description="The customer's ID at the provider.")]

    @classmethod
    def of(cls, seen: SubscriptionOverview) -> "OperatorSubscription":
        return convert(_fields_of(seen), cls)


class SubscriptionHistory(OperatorSubscription, kw_only=True):
    """A subscription with its periods, oldest first, and the changes requested from its provider."""

    periods: Annotated[list[PaidPeriod], Meta(description="The periods, oldest first.")]
    changes: Annotated[
        list[RequestedChange],
        Meta(description="The changes requested from the provider, newest first."),
    ]
    mails: Annotated[
        list[SubscriptionMail],
        Meta(description="Emails to the account's owner about failed payments."),
    ]

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
    """The cost of a change, and when the new price begins to apply."""

    subscription_id: Annotated[str, Meta(pattern=r"^sub_[0-9A-Za-z]+$")]
    plan_id: str
    plan_name: str
    interval: BillingInterval
    amount: Annotated[
        int, Meta(ge=0, description="The new price of one period, in the currency's smallest unit.")
    ]
    currency: CurrencyCode
    is_charged_now: Annotated[
        bool,
        Meta(
            description="True if the change is charged now, as for a more expensive plan. A cheaper plan applies"
            " from the next period on."
        ),
    ]
    amount_due: Annotated[
        int, Meta(ge=0, description="The amount charged now, in the currency's smallest unit.")
    ]
    is_estimate: Annotated[
        bool,
        Meta(
            description="True if the gateway computed the price, without tax, because the provider quotes none."
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
    credits: Annotated[
        int,
        Meta(
            ge=0,
            description="The credits that the period granted so far and that weren't taken back.",
        ),
    ]
    reason: str
    granted_by: Annotated[str | None, Meta(description="Who gave the period. Null if unknown.")]
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
