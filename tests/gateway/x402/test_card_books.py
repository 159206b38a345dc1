"""Payments by card in the operator's books: revenue, and the daily comparison with the provider."""

import httpx

from billing.reconciliation import differences
from billing.reconciliation.daily import DailyReconciliation
from billing.reports.revenue import RevenuePeriod, revenue_lines
from tests.support.card_shop import CardShop
from tests.support.paying import make_due, rows, sweep
from tests.support.stripe_api import payments, refunds
from tests.support.stripe_api.params import decoded

HOUR_S = 3_600


async def compared(shop: CardShop, after_s: int = 2 * HOUR_S) -> list[tuple[str, str, int, int]]:
    """The open differences after a comparison with Stripe."""
    shop.pass_time(after_s)
    context = shop.gateway.context
    daily = DailyReconciliation(
        context.database, context.clock, context.payments, context.suppliers
    )
    run = await daily.run_part("live", "provider:stripe", is_wanted=True)
    assert run is not None
    assert run.fault is None
    found = await context.database.read(lambda tx: differences.page(tx, "live", limit=50))
    return [(one.kind, one.subject_id, one.expected, one.found) for one in found]


async def test_what_was_paid_by_card_is_revenue_and_agrees_with_stripe(shop: CardShop) -> None:
    await shop.pay()
    await shop.pay(amount_cents=2_500)
    now_us = shop.clock.now_us()

    lines = await revenue_lines(shop.gateway.context.database, RevenuePeriod("live", 0, now_us + 1))

    [line] = lines
    # $10.00 and $25.00.
    assert (line.provider, line.currency, line.payments, line.paid) == ("stripe", "USD", 2, 3_500)
    assert (line.refunded, line.net) == (0, 3_500)
    assert await compared(shop) == []


async def test_a_card_that_was_charged_twice_for_one_payment_is_found(shop: CardShop) -> None:
    await shop.pay()
    (row,) = await rows(shop.gateway)
    second = decoded(
        f"amount=1000&currency=usd&shared_payment_granted_token={shop.grant()(1000)}"
        f"&confirm=true&metadata[payment_id]={row.id}&metadata[origin]=machine_payment"
    )
    made = payments.make_intent(shop.stripe.account, second)

    [(kind, _, expected, found)] = await compared(shop)

    assert (kind, expected, found) == ("paid_not_credited", 0, 1_000)
    assert made["id"] != row.settlement


async def test_what_only_stripe_knows_is_found(shop: CardShop) -> None:
    paid = await shop.pay()
    shop.stripe.faults.add("error_after", "/v1/payment_intents", method="POST")
    # Charged, and nobody here was told.
    await shop.pay()
    lost, kept = await rows(shop.gateway)
    charge = shop.stripe.account.every("charge", payment_intent=kept.settlement)[0]
    refunds.make_refund(shop.stripe.account, decoded(f"charge={charge['id']}&amount=400"))

    before = await compared(shop)
    await make_due(shop.gateway)
    await sweep(shop.gateway)
    after = await compared(shop)

    assert paid.status_code == httpx.codes.OK
    assert sorted(before) == [
        ("paid_not_credited", lost.id, 0, 1_000),
        ("refund_differs", kept.id, 0, 400),
    ]
    assert after == [("refund_differs", kept.id, 0, 400)]
