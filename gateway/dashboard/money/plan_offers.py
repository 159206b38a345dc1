"""List the plans that can be bought, by interval and provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan, PlanItem
from billing.ledger.price import Price
from billing.providers.protocol import Interval
from gateway.dashboard.money.buy import ways_to_pay
from gateway.http.request_context import RequestContext
from kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """value: what the form sends. price, credits: of a whole interval. seller: None if the person chooses
    the provider.
    """

    value: str
    plan: Plan
    interval: str
    price: Price
    credits: int
    seller: str | None


def offers_of(
    call: RequestContext[Any, Any], sold: Sequence[Plan]
) -> tuple[Sequence[PlanOffer], Sequence[tuple[str, str]]]:
    """Return the offers, and the providers to choose from; none if an offer names its own."""
    ways = dict(ways_to_pay(call, "subscription"))
    found = [
        (plan, interval, sellers)
        for plan in sold
        for interval in MONTHS
        if (sellers := [name for name in ways if _item(call, plan, interval, name) is not None])
    ]
    if all(sellers == found[0][2] for _, _, sellers in found):
        offers = [_offer(call, plan, interval, names[0], None) for plan, interval, names in found]
        return offers, [(name, ways[name]) for name in (found[0][2] if found else ())]
    return [
        _offer(call, plan, interval, name, ways[name])
        for plan, interval, names in found
        for name in names
    ], []


def _offer(
    call: RequestContext[Any, Any], plan: Plan, interval: Interval, name: str, label: str | None
) -> PlanOffer:
    item = _item(call, plan, interval, name)
    assert item is not None, "it is sold so"
    value = f"{plan.id}/{interval}" if label is None else f"{plan.id}/{interval}/{name}"
    granted = plan.credits_included * MONTHS[interval]
    return PlanOffer(value, plan, interval, item.price, granted, label)


def _item(
    call: RequestContext[Any, Any], plan: Plan, interval: Interval, provider: str
) -> PlanItem | None:
    providers, environment = call.context.payments.providers, call.principal.environment
    is_simulated = providers.is_simulated(provider, environment)
    try:
        return plans.item_of(
            plan, providers.registration(provider), interval, is_simulated=is_simulated
        )
    except InvalidInput:
        return None
