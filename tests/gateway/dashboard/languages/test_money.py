"""Buying credit and what becomes of it, in Arabic: each page of the room, and what its forms refuse."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest

from billing.catalog import coupon
from billing.documents.facts import KINDS
from billing.ledger.chart import OPERATORS_OWN, Code, code_words
from billing.orders.order import STATUSES
from billing.orders.refund import RefundStatus
from billing.providers.abilities import DeclineReason
from billing.subscriptions.subscription import SubscriptionState
from billing.usage.hold import HoldStatus
from gateway.html.language import ROOMS, NotSaid, page_languages
from kernel.clock import FixedClock
from tests.gateway.dashboard.test_buying import BUY, ORDERS, checkout_of, ordered
from tests.gateway.dashboard.test_codes import CODES, made
from tests.gateway.dashboard.test_plans import NEW, PLAN, PLANS, subscribed
from tests.gateway.dashboard.test_recharge import PAGE as RECHARGE, WISH, save_card, work
from tests.support.browser import Browser, signed_in
from tests.support.gateway import API
from tests.support.operator_pages import ADMIN, account_of, fill, operator
from tests.support.other_language import Visit, arabic, not_arabic
from tests.support.selling_gateway import Store, open_store

USAGE, DOCUMENTS, STATEMENT = "/dashboard/usage", "/dashboard/documents", "/dashboard/statement"
MAX = {"id": "max", "name": "Max", "price_monthly": "100.00", "currency": "USD"}
TERMS = {"credit_expires": "period_end", "rollover_max_credits": "2,000", "grants": "monthly"}
TRIAL = {"trial_days": "14", "trial_credits": "500"}
PRICE = {"model": "gpt-4o", "input": "2.50", "output": "10", "cached": "1.25"}
TOKENS = {"model": "gpt-4o", "input_tokens": 1200, "output_tokens": 300, "cached_tokens": 800}

# What the code says of money without a page in this test that shows it.
STATES = (
    *(*STATUSES, *KINDS, *get_args(SubscriptionState), *get_args(HoldStatus), "trialing", "ending"),
    *(*get_args(RefundStatus), "refund", "dispute", *get_args(DeclineReason)),
    *("unknown_outcome", "switched_off", "monthly_max"),
    *("order.paid", "order.failed", "order.refunded", "order.disputed"),
    *("purchase", "grant", "debt", "expiry", "purchase_reversal", "reversal_undone"),
    *("refund_hold", "refund_release", "subscription", "rollover"),
    *(code_words(code) for code in Code if code not in OPERATORS_OWN),
)
REFUSALS = (
    "Stripe isn't responding. Try again in a moment.",
    "Stripe refused the payment: card_declined",
    "Stripe is no longer configured in the way that the plan requires. The operator can end the plan here.",
    "A request to change to max by the year is in progress. Wait until stripe has responded.",
    "A request to end the plan after its current period is in progress. Wait until stripe has responded.",
    "An account can have at most 100 unpaid orders.",
    "The account already has the plan Pro. Change it in the portal.",
    "The checkout of order ord_1 is open: pay that one, or wait until it ends",
    "The provider charges KWD, and there is no exchange rate from USD.",
    "The subscription is cancelled.",
    "No provider is set up in live.",
)


@dataclass
class Person:
    """boss: an operator's browser. own: the person's, in English, for what happens between two looks; reader:
    the same, in Arabic.
    """

    store: Store
    boss: Browser
    own: Browser
    reader: Browser
    seen: set[str] = field(default_factory=set)

    async def sees(self, *visits: Visit) -> None:
        self.seen |= {one.template for one in visits}
        assert await not_arabic(self.reader, visits) == []


async def a_person(store: Store) -> Person:
    own = await signed_in(store.gateway)
    reader = arabic(Browser(store.gateway, dict(own.cookies)))
    return Person(store, await operator(store.gateway), own, reader)


@pytest.mark.one_database
async def test_each_of_these_pages_and_each_of_its_refusals_is_whole_in_arabic(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_store(database_url, tmp_path, clock) as store:
        ann = await a_person(store)
        for walk in (buying, codes, usage, plans, recharges, statements):
            await walk(ann)

    assert ann.seen == ROOMS["money"]


def test_each_state_and_refusal_of_money_is_known_to_each_language() -> None:
    unknown = []
    for language in page_languages().values():
        for text in (*(one.replace("_", " ") for one in STATES), *REFUSALS):
            try:
                language.say(text)
            except NotSaid:
                unknown.append((language.tag, text))

    assert unknown == []
    in_arabic = page_languages()["ar"].say(REFUSALS[4])
    assert (
        in_arabic == "إنهاء الباقة مع نهاية الفترة قيد التنفيذ: انتظر حتى يجيب \u2068stripe\u2069."
    )


async def buying(ann: Person) -> None:
    await ann.sees(Visit("list.html", ORDERS), Visit("documents.html", DOCUMENTS))
    dear = coupon.new_coupon(
        "staging", "DEAR", now_us=1, percent=25, minimum_amount=10_000, currency="USD"
    )
    await ann.store.gateway.context.database.transaction(lambda tx: coupon.create(tx, dear))
    pack = {"pack": "pack_pro", "provider": "stripe"}
    amounts = [{**pack, "pack": "amount", "amount": one} for one in ("", "x", "0.1", "10000.01")]
    wrong = [{**pack, "provider": "nobody"}, {**pack, "pack": "pack_x"}, *amounts]
    wrong += [{**pack, "coupon": code} for code in ("NONE", "?", "DEAR")]
    await ann.sees(Visit("buy.html", BUY), *(Visit("buy.html", BUY, one) for one in wrong))
    paid = await bought(ann, "paid")
    failed = await bought(ann, "failed", pack="amount", amount="12.34")
    pending = await ordered(ann.own)
    back = {
        "amount": "5.00",
        "pay_currency": "USD",
        "reason": "bought twice",
        "made_at_provider": "re_1",
    }
    order_id = paid.rpartition("/")[2]
    await ann.boss.send(f"{ADMIN}/orders/{order_id}/refund", back)
    await ann.own.get(f"{API}/orders/{order_id}/receipt.pdf")
    await ann.sees(
        *(Visit("order.html", one) for one in (paid, failed, pending)),
        Visit("order.html", f"{pending}?said=order-back"),
        Visit("list.html", ORDERS),
        Visit("list.html", f"{ORDERS}?status=paid&provider=creem"),
        Visit("list.html", f"{ORDERS}?created_after=yesterday"),
        Visit("documents.html", DOCUMENTS),
        Visit("documents.html", f"{DOCUMENTS}?kind=debit_note"),
    )
    page = (await ann.reader.get(paid)).text
    assert "<strong>25,000 وحدة رصيد</strong>" in page
    assert "\u206620.00\xa0US$\u2069" in page


async def bought(ann: Person, outcome: str, **fields: str) -> str:
    """The page of an order that ended so."""
    order = await ordered(ann.own, **fields)
    checkout = await checkout_of(ann.own, order)
    await ann.store.gateway.client.post(checkout, data={"outcome": outcome})
    return order


async def codes(ann: Person) -> None:
    await ann.sees(Visit("codes.html", CODES))
    _, (code, _, _) = await made(ann.boss)
    typed = [code, code, "TOPUP-XXXX", "ATU-AAAA-AAAA-AAAA", ""]
    await ann.sees(
        *(Visit("codes.html", CODES, {"code": one}) for one in typed),
        Visit("codes.html", f"{CODES}/zone", {"time_zone": "Mars/Olympus"}),
    )
    await ann.own.send(f"{CODES}/checkin", {})
    await ann.sees(Visit("codes.html", CODES), Visit("codes.html", f"{CODES}/checkin", {}))


async def usage(ann: Person) -> None:
    await ann.sees(
        Visit("usage.html", USAGE),
        Visit("holds.html", f"{USAGE}/holds"),
        Visit("list.html", f"{USAGE}/prices"),
    )
    await ann.boss.send(f"{ADMIN}/prices", PRICE)
    gateway = ann.store.gateway
    key = await gateway.key(await account_of(ann.own))
    await gateway.call("POST", "/usage", key=key, json=TOKENS)
    for act in ("", "capture", "release"):
        body = {"amount_micros": 5000, "description": "Chat", "ttl_s": 60}
        held = (await gateway.call("POST", "/holds", key=key, json=body)).json()["data"]
        if act:
            await gateway.call("POST", f"/holds/{held['id']}/{act}", key=key, json={})
    await ann.sees(
        Visit("usage.html", USAGE),
        Visit("usage.html", f"{USAGE}?model=none"),
        Visit("usage.html", f"{USAGE}?reference=none&from=2020-01-01"),
        Visit("usage.html", f"{USAGE}?from=x"),
        Visit("holds.html", f"{USAGE}/holds"),
        Visit("list.html", f"{USAGE}/prices"),
    )


async def plans(ann: Person) -> None:
    await ann.sees(Visit("plan.html", PLAN))
    await ann.boss.send(PLANS, {**NEW, **TERMS, **TRIAL})
    await ann.boss.send(PLANS, {**MAX, "credits_included": "100000", "credit_expires": "30d"})
    chosen = {"plan": "max/month", "provider": "stripe"}
    wrong = [{**chosen, "plan": one} for one in ("none/month", "", "max/year")]
    wrong.append({**chosen, "coupon": "?"})
    await ann.sees(Visit("plan.html", PLAN), *(Visit("plan.html", PLAN, one) for one in wrong))
    order = await subscribed(ann.store, ann.own, "pro/year")
    await ann.sees(
        Visit("order.html", order),
        Visit("plan.html", PLAN),
        Visit("plan.html", PLAN, chosen),
        Visit("plan.html", f"{PLAN}/steer", {"act": "explode"}),
        Visit("plan_change.html", f"{PLAN}/change?plan=max/month"),
        Visit("plan_change.html", f"{PLAN}/change?plan=pro/month"),
        Visit("plan.html", f"{PLAN}/change", {"plan": "x/month"}),
    )
    for act in ("cancel", "resume", "pause", "resume", "cancel_now"):
        await ann.own.send(f"{PLAN}/steer", {"act": act})
        await ann.sees(Visit("plan.html", PLAN))


async def recharges(ann: Person) -> None:
    await ann.sees(Visit("recharge.html", RECHARGE))
    await save_card(ann.own, "no_funds")
    wrong = [{"below": ""}, {"amount": "0.10"}, {"monthly_max": "1.00"}, {"method": "none"}]
    card = {"provider": "stripe", "method": "none"}
    await ann.sees(
        Visit("recharge_card.html", f"{RECHARGE}/save", {"provider": "stripe"}),
        Visit("recharge.html", f"{RECHARGE}/save", {"provider": "nobody"}),
        *(Visit("recharge.html", RECHARGE, {**WISH, **one}) for one in wrong),
        Visit("recharge.html", f"{RECHARGE}/forget", card),
        Visit("recharge.html", f"{RECHARGE}/remove", {}),
    )
    await fill(ann.own, RECHARGE, WISH)
    await work(ann.store)
    await ann.sees(Visit("recharge.html", RECHARGE))


async def statements(ann: Person) -> None:
    """Of all that was bought, redeemed and used by now."""
    await ann.sees(
        Visit("statement.html", STATEMENT),
        Visit("statement.html", f"{STATEMENT}?from=2020-01-01&to=2020-02-01"),
        Visit("statement.html", f"{STATEMENT}?from=2020-02-01&to=2020-01-01"),
        Visit("statement.html", f"{STATEMENT}?from=x"),
        Visit("statement.html", f"{STATEMENT}?month=2020-01"),
    )
