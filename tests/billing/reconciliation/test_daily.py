"""The daily comparison on a real gateway: a provider that is asked order by order, Stripe by its list,
suppliers by their attempts; each difference is found, closed when it is mended, and tells what to press.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.reconciliation import differences
from billing.reconciliation.daily import DailyReconciliation
from billing.reconciliation.differences import MoneyDifference
from kernel.clock import FixedClock
from tests.support.billing_api_calls import administrator
from tests.support.dialect_calls import bearer
from tests.support.replay_history import execute as run_sql
from tests.support.selling_gateway import Store, open_store
from tests.support.stripe_api import refunds
from tests.support.stripe_api.params import decoded
from tests.support.stripe_api.server import StripeApi, serving
from tests.support.stripe_life import open_lives

pytestmark = pytest.mark.one_database
HOUR_S = 3_600


@dataclass(slots=True)
class Books:
    store: Store
    stripe: StripeApi
    daily: DailyReconciliation
    clock: FixedClock

    async def compare(
        self, part: str, after_s: int = 2 * HOUR_S
    ) -> list[tuple[str, str, int, int]]:
        """The open differences of staging after a comparison of the part."""
        self.clock.advance_s(after_s)
        run = await self.daily.run_part("staging", part, is_wanted=True)
        assert run is not None
        assert run.fault is None
        return await self.open()

    async def open(self) -> list[tuple[str, str, int, int]]:
        found = await self.rows()
        return sorted((one.kind, one.subject_id, one.expected, one.found) for one in found)

    async def rows(self) -> list[MoneyDifference]:
        database = self.store.gateway.context.database
        return list(await database.read(lambda tx: differences.page(tx, "staging", limit=50)))

    async def paid(self, provider: str = "toypay") -> str:
        """An order of $20.00 that was paid and told."""
        order = await self.store.order(provider=provider)
        if provider == "toypay":
            self.store.server.pay(await self.store.row(order["id"]))
            await self.store.notify("paid", order["id"])
        else:
            await self.pay_stripe(order["id"])
            await self.tell_stripe()
        assert (await self.store.show(order["id"]))["status"] == "paid"
        return str(order["id"])

    async def pay_stripe(self, order_id: str) -> None:
        session = (await self.store.row(order_id)).provider_ref
        assert session is not None
        assert self.stripe.pay(session)

    async def tell_stripe(self) -> None:
        client = self.store.gateway.client
        await self.stripe.deliver(client, "/payment/webhook/stripe")


@pytest_asyncio.fixture
async def books(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Books]:
    async with (
        serving(clock) as stripe,
        open_store(database_url, tmp_path, clock, **stripe.settings()) as store,
    ):
        context = store.gateway.context
        daily = DailyReconciliation(context.database, clock, context.payments, context.suppliers)
        yield Books(store, stripe, daily, clock)


async def test_books_that_agree_have_no_difference(books: Books) -> None:
    await books.paid()
    await books.paid("stripe")
    assert list(books.daily.parts("staging")) == [
        "ledger",
        "suppliers",
        "provider:stripe",
        "provider:toypay",
    ]
    for part in books.daily.parts("staging"):
        assert await books.compare(part) == []


async def test_a_trial_that_cost_nothing_is_no_difference(books: Books) -> None:
    boss = await administrator(books.store.gateway)
    plan = {"id": "tryout", "name": "Tryout", "price_monthly": 1000, "credits_included": 10_000}
    trial = {"trial_days": 14, "trial_credits": 500}
    await boss.call("POST", "/admin/billing/plans", status=201, json={**plan, **trial})
    made = await books.store.gateway.client.post(
        "/payment/create-session",
        headers=bearer(books.store.key),
        json={"channel": "stripe", "type": "subscription", "plan_id": "tryout"},
    )
    assert books.stripe.pay(made.json()["data"]["session_id"])
    await books.tell_stripe()

    assert await books.store.bought_cents() == 50
    assert await books.compare("provider:stripe") == []


@pytest.mark.parametrize("provider", ["toypay", "stripe"])
async def test_a_payment_that_nobody_told_of_is_credited(books: Books, provider: str) -> None:
    order = await books.store.order(provider=provider)
    if provider == "toypay":
        books.store.server.pay(await books.store.row(order["id"]))
    else:
        await books.pay_stripe(order["id"])
    books.clock.advance_s(86_400)
    # Its provider was away in the hour in which it would have been asked, and until we gave it up.
    await expire(books, order["id"])

    assert await books.compare(f"provider:{provider}") == []
    assert (await books.store.show(order["id"]))["status"] == "paid"
    assert await books.store.bought_cents() == 2000
    assert await books.store.findings() == []


async def test_credit_without_a_payment_is_found_and_closes_once_it_is_paid(books: Books) -> None:
    order_id = await books.paid()
    ref = (await books.store.row(order_id)).provider_ref or ""
    books.store.server.checkouts[ref]["status"] = "open"

    assert await books.compare("provider:toypay") == [("credited_not_paid", order_id, 2000, 0)]
    books.store.server.checkouts[ref]["status"] = "paid"
    assert await books.compare("provider:toypay") == []


async def test_another_sum_at_the_provider_is_found(books: Books) -> None:
    order_id = await books.paid()
    ref = (await books.store.row(order_id)).provider_ref or ""
    books.store.server.checkouts[ref]["amount"] = 1999

    assert await books.compare("provider:toypay") == [("amount_differs", order_id, 2000, 1999)]


async def test_a_refund_that_was_never_told_is_found_until_it_is(books: Books) -> None:
    order_id = await books.paid("stripe")
    (charge,) = books.stripe.account.every("charge")
    refunds.make_refund(books.stripe.account, decoded(f"charge={charge['id']}&amount=500"))

    assert await books.compare("provider:stripe") == [("refund_differs", order_id, 0, 500)]
    await books.tell_stripe()
    assert await books.compare("provider:stripe") == []


async def test_a_payment_that_nobody_here_knows_is_found_and_closed_by_a_person(
    books: Books,
) -> None:
    await books.paid("stripe")
    (charge,) = books.stripe.account.every("charge")
    books.stripe.account.make(
        "charge",
        **{k: v for k, v in charge.items() if k not in {"id", "object", "metadata"}}
        | {"payment_intent": "pi_other_shop", "invoice": None},
    )
    (found,) = await books.compare("provider:stripe")
    assert (found[0], found[2], found[3]) == ("unknown_payment", 0, 2000)


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_plans_renewals_are_payments_that_we_know(
    database_url: str, tmp_path: Path, clock: FixedClock, *, is_told: bool
) -> None:
    async with open_lives(database_url, tmp_path, clock) as lives:
        life = await lives.begin()
        await life.subscribe()
        await life.pass_days(31)
        context = life.gateway.context
        if not is_told:
            # invoice_payment.paid, which says which invoice a payment paid, may not be enabled.
            await run_sql(context.database, "DELETE FROM provider_links")
        clock.advance_s(2 * HOUR_S)
        daily = DailyReconciliation(context.database, clock, context.payments, context.suppliers)
        run = await daily.run_part("staging", "provider:stripe")
        found = await context.database.read(lambda tx: differences.page(tx, "staging", limit=50))
    assert run is not None
    # The renewal by the list, and by a question the order that began the plan.
    assert (run.fault, run.checked) == (None, 2)
    assert list(found) == []


async def test_a_provider_that_is_away_delays_its_own_part_only(books: Books) -> None:
    order_id = await books.paid()
    books.store.server.is_away = True
    books.clock.advance_s(2 * HOUR_S)
    ran = await books.daily.run_due()

    faults = {(one.environment, one.part): one.fault for one in ran}
    assert faults["staging", "provider:toypay"] == "toypay doesn't respond."
    assert [part for part, fault in faults.items() if fault] == [("staging", "provider:toypay")]
    assert await books.daily.run_due() == []
    books.store.server.is_away = False
    ref = (await books.store.row(order_id)).provider_ref or ""
    books.store.server.checkouts[ref]["amount"] = 1
    books.clock.advance_s(HOUR_S)
    # In an hour it alone is tried again.
    (again,) = await books.daily.run_due()
    assert (again.part, again.fault) == ("provider:toypay", None)
    assert await books.open() == [("amount_differs", order_id, 2000, 1)]


async def test_what_suppliers_say_is_held_against_what_was_delivered(books: Books) -> None:
    database = books.store.gateway.context.database
    sent = []
    for number in range(3):
        body = {
            "platform": "claude",
            "amount_cents": 1000,
            "recipient_email": f"user{number}@mail.com",
        }
        answer = await books.store.gateway.call(
            "POST", "/topup/send", key=books.store.key, json=body
        )
        sent.append(str(answer.json()["transaction_id"]))
    assert await books.compare("suppliers") == []
    outside = "UPDATE topups SET supplier = 'acme', fulfilment = 'http'"
    attempt = """INSERT INTO fulfilment_attempts (transaction_id, number, account_id, environment,
        recipient_email, supplier, kind, outcome, requests_made, requested_at, last_requested_at, ended_at)
        VALUES ('{}', {}, '{}', 'staging', 'user@mail.com', 'acme', 'http', 'delivered', 1, 1, 1, 1)"""
    owner = books.store.account_id
    await run_sql(database, outside)
    # More than a page of another environment's, between the first and the second.
    await run_sql(
        database,
        f"""INSERT INTO topups (id, account_id, environment, status, platform, amount_cents,
                recipient_email, metadata, new_balance_cents, voucher_code_hint, fulfilment, created_at)
            WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1600)
            SELECT '{sent[0]}' || CAST(i AS TEXT), '{owner}', 'live', 'delivered', 'claude', 1000,
                'user@mail.com', '{{}}', 1000, 'ABCD', 'wallet', 1 FROM n""",
    )
    await run_sql(database, attempt.format(sent[1], 1, owner))
    await run_sql(database, attempt.format(sent[2], 1, owner))
    await run_sql(database, attempt.format(sent[2], 2, owner))

    assert await books.compare("suppliers") == [
        ("delivered_without_supplier", sent[0], 1, 0),
        ("supplied_twice", sent[2], 1, 2),
    ]
    await run_sql(database, attempt.format(sent[0], 1, owner))
    # Long after, what differed is looked at still.
    assert await books.compare("suppliers", 10 * 86_400) == [("supplied_twice", sent[2], 1, 2)]


async def test_a_broken_rule_of_the_ledger_is_found_in_its_own_environment(books: Books) -> None:
    order_id = await books.paid()
    database = books.store.gateway.context.database
    await run_sql(database, "UPDATE orders SET reversed_micros = 1")

    found = await books.compare("ledger")
    # A micro came back of an order that nothing went back of, and no transfer took it.
    assert sorted(found) == [
        ("ledger_rule", f"credit is taken back in the share of what went back: {order_id}", 0, 1),
        ("ledger_rule", f"what was reversed of an order was taken back: {order_id}", 1, 0),
    ]
    assert await books.daily.run_part("live", "ledger") is not None
    live = await database.read(lambda tx: differences.page(tx, "live", limit=50))
    assert list(live) == []


async def expire(books: Books, order_id: str) -> None:
    """Ends the order unpaid, as if its provider had not been asked."""
    database: Any = books.store.gateway.context.database
    await run_sql(
        database,
        f"UPDATE orders SET status = 'expired', next_check_at = NULL WHERE id = '{order_id}'",
    )
