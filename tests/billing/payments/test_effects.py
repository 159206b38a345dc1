"""The table of what facts call for has a row for all that may come about, and for nothing else."""

from typing import get_args

from billing.orders.refund import Reversed
from billing.payments.notifications import ACTIONS, SubjectFact
from billing.providers.protocol import InvoicePaid, SubscriptionChanged

OF_SUBSCRIPTIONS = {InvoicePaid, SubscriptionChanged}


def test_each_fact_about_each_subject_that_it_can_have_is_in_the_table() -> None:
    of_orders = set(get_args(SubjectFact)) - OF_SUBSCRIPTIONS

    assert len(of_orders) == 9
    assert {kind: set(facts) for kind, facts in ACTIONS.items()} == {
        "order": of_orders,
        "uncredited payment": set(get_args(Reversed)),
        "second payment": set(get_args(Reversed)),
        "plan order": of_orders,
        "subscription": OF_SUBSCRIPTIONS,
        "period": set(get_args(Reversed)),
    }
