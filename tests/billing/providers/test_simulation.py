"""What the sandbox says in a provider's place is read as the provider's own word, for every outcome."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from billing.ledger.price import Price
from billing.providers.protocol import (
    Expired,
    Failed,
    InvoicePaid,
    Paid,
    ProviderRefused,
    Refunded,
    SandboxEvent,
    SubscriptionChanged,
    Unconfirmed,
)
from tests.support.providers import NAMES, stand_in

STAND_INS = {name: stand_in(name) for name in NAMES}
CURRENCIES = {
    "creem": ["USD", "EUR", "JPY", "KWD"],
    "epay": ["CNY"],
    "myfatoorah": ["KWD"],
    "stripe": ["USD", "EUR", "JPY", "ISK", "UGX"],
}
KINDS = {
    "creem": ["payment", "subscription"],
    "epay": ["payment"],
    "myfatoorah": ["payment"],
    "stripe": ["payment", "subscription", "invoice"],
}
amounts = st.integers(1, 10**12)


def sandbox_event(outcome: Any, kind: Any, price: Price, **more: Any) -> SandboxEvent:
    given: dict[str, Any] = {
        "order_id": "ord_1OeHk2Gq0Zb4yT7a",
        "ref": "sbx_1OeHk2Gq0Zb4yT7b",
        "payment_id": "pay_1OeHk2Gq0Zb4yT7c",
        "event_id": "evt_1OeHk2Gq0Zb4yT7c",
        **more,
    }
    return SandboxEvent(outcome, kind, price=price, **given)


@st.composite
def deals(draw: st.DrawFn) -> tuple[str, str, Price]:
    name = draw(st.sampled_from(NAMES))
    currency = draw(st.sampled_from(CURRENCIES[name]))
    return name, draw(st.sampled_from(KINDS[name])), Price(draw(amounts), currency)


@given(deals())
def test_paid_is_told_with_the_very_price(deal: tuple[str, str, Price]) -> None:
    name, kind, price = deal
    stand_in = STAND_INS[name]

    (fact,) = stand_in.read(stand_in.simulate(sandbox_event("paid", kind, price))).facts

    assert isinstance(fact, Paid | Unconfirmed)
    assert fact.subject.order_id == "ord_1OeHk2Gq0Zb4yT7a"
    if isinstance(fact, Paid):
        assert fact.price == price
    # Without a proof of the amount it is not called paid.
    if name == "myfatoorah":
        assert isinstance(fact, Unconfirmed)


@given(deals())
def test_what_went_back_is_told_with_the_very_amount(deal: tuple[str, str, Price]) -> None:
    name, kind, price = deal
    stand_in = STAND_INS[name]

    (fact,) = stand_in.read(stand_in.simulate(sandbox_event("refunded", kind, price))).facts

    assert isinstance(fact, Refunded)
    assert fact.price == price
    # By the order, or by what was opened for it.
    assert fact.subject.order_id == "ord_1OeHk2Gq0Zb4yT7a" or fact.subject.objects == (
        "sbx_1OeHk2Gq0Zb4yT7b",
    )


@pytest.mark.parametrize("name", NAMES)
def test_failed_and_expired_are_told_apart(name: str) -> None:
    stand_in, price = STAND_INS[name], Price(100, CURRENCIES[name][0])
    facts = [
        stand_in.read(stand_in.simulate(sandbox_event(outcome, "payment", price))).facts[0]
        for outcome in ("failed", "expired")
    ]

    assert [type(fact) for fact in facts] == [Failed, Expired]


@pytest.mark.parametrize("outcome", ["paid", "failed", "expired", "refunded"])
@pytest.mark.parametrize("name", NAMES)
def test_a_repetition_is_known_by_its_event_and_another_event_is_not(
    name: str, outcome: str
) -> None:
    stand_in, price = STAND_INS[name], Price(100, CURRENCIES[name][0])
    first, again = (
        stand_in.read(stand_in.simulate(sandbox_event(outcome, "payment", price))) for _ in range(2)
    )
    other = stand_in.read(
        stand_in.simulate(
            sandbox_event(outcome, "payment", price, payment_id="pay_2", event_id="evt_2")
        )
    )

    assert first == again
    assert first.event_id != other.event_id


@pytest.mark.parametrize("name", ["creem", "stripe"])
def test_a_renewal_its_failure_and_the_end_are_told(name: str) -> None:
    stand_in, price = STAND_INS[name], Price(990, "USD")
    more = {
        "subscription_ref": "sub_1",
        "customer_ref": "cus_1",
        "product_ref": "price_1",
        "period_start_at": 1_700_000_000_000_000,
        "period_end_at": 1_702_592_000_000_000,
    }
    renewed, failed, ended = (
        stand_in.read(
            stand_in.simulate(sandbox_event(outcome, "subscription", price, **more))
        ).facts[0]
        for outcome in ("renewed", "renewal_failed", "ended")
    )

    assert isinstance(renewed, InvoicePaid)
    assert (renewed.price, renewed.subscription_ref) == (price, "sub_1")
    assert (renewed.invoice_id, renewed.product_ref) == ("pay_1OeHk2Gq0Zb4yT7c", "price_1")
    assert renewed.period_start_at == 1_700_000_000_000_000
    assert renewed.period_end_at == 1_702_592_000_000_000
    assert isinstance(failed, SubscriptionChanged)
    assert isinstance(ended, SubscriptionChanged)
    assert [failed.status, ended.status] == ["past_due", "cancelled"]


@pytest.mark.parametrize("name", ["creem", "stripe"])
def test_a_change_of_plans_and_its_prorated_payment_are_told(name: str) -> None:
    stand_in, price = STAND_INS[name], Price(990, "USD")
    more = {
        "subscription_ref": "sub_1",
        "product_ref": "price_2",
        "period_start_at": 1_700_000_000_000_000,
        "period_end_at": 1_702_592_000_000_000,
        "full_price": Price(1980, "USD"),
    }
    changed, ending, part = (
        stand_in.read(
            stand_in.simulate(sandbox_event(outcome, "subscription", price, **more, **flags))
        ).facts[0]
        for outcome, flags in (
            ("changed", {}),
            ("changed", {"is_ending": True}),
            ("renewed", {"is_prorated": True}),
        )
    )

    assert isinstance(changed, SubscriptionChanged)
    assert isinstance(ending, SubscriptionChanged)
    assert [changed.status, ending.status] == ["active", "active"]
    assert [changed.is_ending, ending.is_ending] == [False, True]
    assert changed.product_ref == "price_2"
    assert isinstance(part, InvoicePaid)
    assert (part.price, part.is_prorated, part.product_ref) == (price, True, "price_2")


@pytest.mark.parametrize("outcome", ["renewed", "renewal_failed", "changed", "ended"])
@pytest.mark.parametrize("name", ["epay", "myfatoorah"])
def test_who_has_no_subscriptions_tells_of_none(name: str, outcome: str) -> None:
    with pytest.raises(ProviderRefused):
        STAND_INS[name].simulate(sandbox_event(outcome, "payment", Price(1, CURRENCIES[name][0])))
