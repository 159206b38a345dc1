"""Trial."""

from collections.abc import Sequence

from billing.catalog.plan import PlanItem
from billing.ledger.price import Price
from billing.providers.protocol import InvoiceLine
from billing.subscriptions.invoice import PeriodGrant
from billing.subscriptions.subscription import Subscription


def begins_trial(one: Subscription, lines: Sequence[InvoiceLine], price: Price) -> bool:
    """Return whether an invoice begins the subscription with a trial, also one that our plan doesn't have. An
    invoice that a coupon or the balance covers has lines that cost something.
    """
    is_first = one.status == "incomplete" and one.paid_until_at is None
    return is_first and price.amount == 0 and all(line.amount == 0 for line in lines)


def trial_grant(own: PlanItem, one: Subscription, *, had_trial: bool) -> PeriodGrant:
    """Return the trial's grant, at the subscription's own terms; nothing for a second trial. Several
    checkouts opened before the first trial began each have one at the provider.
    """
    return PeriodGrant(own, 0 if had_trial else one.trial_micros)
