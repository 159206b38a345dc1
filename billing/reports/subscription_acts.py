"""Subscriptions: list and show, an account's own by merchants and everybody's by operators."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from billing.reports.subscription_overview import SubscriptionOverview, overview, overviews
from billing.reports.subscription_views import (
    OperatorSubscription,
    Subscription,
    SubscriptionHistory,
)
from billing.subscriptions.subscription import SubscriptionState
from kernel.fields import Page
from kernel.tenant import Tenant
from kernel.words import AccountName
from keys.account import id_named
from keys.act import MERCHANT, OPERATOR, ActContext, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin

_READS = ("billing:read",)


class SubscriptionsQuery(Page, frozen=True, kw_only=True):
    """Filters of the operators' list."""

    account: AccountName | None = None
    status: Annotated[SubscriptionState, Meta(description="Only those in this state.")] | None = (
        None
    )


async def owner_of(tx: Transaction, subscription_id: str) -> Tenant:
    return (await overview(tx, subscription_id)).subscription.tenant


async def list_own(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[SubscriptionOverview]:
    """Return the account's; those whose checkout was never paid are incomplete, and expire."""
    tenant = context.tenant
    return await overviews(
        context.tx,
        tenant.environment,
        account_id=tenant.account_id,
        before_id=begin,
        limit=limit,
    )


async def list_all(
    context: ActContext, asked: SubscriptionsQuery, begin: Begin, limit: int
) -> Sequence[SubscriptionOverview]:
    return await overviews(
        context.tx,
        context.environment,
        account_id=await id_named(context.tx, asked.account),
        status=asked.status,
        before_id=begin,
        limit=limit,
    )


async def show(context: ActContext) -> SubscriptionOverview:
    return await overview(context.tx, context.object_id, tenant=context.tenant)


LIST_OWN_SUBSCRIPTIONS = ListAct(
    name="subscriptions.own",
    summary="The account's plans, newest first",
    path="/subscriptions",
    scopes=_READS,
    audience=(MERCHANT,),
    query=Page,
    run=list_own,
    view=Subscription.of,
    result=Subscription,
    prefix="sub",
)
SHOW_OWN_SUBSCRIPTION = ReadAct(
    name="subscriptions.own",
    summary="A plan of the account, and what comes next",
    path="/subscriptions/{subscription_id}",
    scopes=_READS,
    audience=(MERCHANT,),
    run=show,
    view=Subscription.of,
    result=Subscription,
)
LIST_SUBSCRIPTIONS = ListAct(
    name="subscriptions.list",
    summary="List the plans of all accounts, newest first",
    path="/subscriptions",
    audience=(OPERATOR,),
    query=SubscriptionsQuery,
    run=list_all,
    view=OperatorSubscription.of,
    result=OperatorSubscription,
    prefix="sub",
    is_catalogue=True,
    columns=(
        *("id", "account_id", "status", "provider", "plan_id", "interval", "amount"),
        *("current_period_end", "cancel_at_period_end", "next_plan_id", "pending"),
    ),
    examples=("topup subscriptions list --status past_due --environment live",),
)
SHOW_SUBSCRIPTION = ReadAct(
    name="subscriptions.show",
    summary="Show a plan with its periods and the changes requested at its provider",
    path="/subscriptions/{subscription_id}",
    audience=(OPERATOR,),
    run=show,
    view=SubscriptionHistory.of,
    result=SubscriptionHistory,
    owner_of=owner_of,
    examples=("topup subscriptions show sub_4Kp1",),
)
OWN_ACTS = (LIST_OWN_SUBSCRIPTIONS, SHOW_OWN_SUBSCRIPTION)
ACTS = (LIST_SUBSCRIPTIONS, SHOW_SUBSCRIPTION)
