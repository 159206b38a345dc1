"""What an act of the samples is about, if no act of operators makes it: an order, a refund, a machine's payment, a plan."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from billing.catalog import plan as plans
from billing.ledger.price import Price
from billing.machine_payments import payment as payments
from billing.machine_payments.payment import (
    MACHINE_ACCOUNT,
    MachinePayment,
    PaidRequest,
    open_machine_account,
)
from billing.orders.acts import find_order
from billing.providers.protocol import SandboxEvent
from billing.refunds.commands import ClaimRefund, PostponeRefund
from billing.reports.subscription_acts import owner_of
from billing.subscriptions.free_period import GivePeriod
from kernel.clock import DAY_US, HOUR_US
from kernel.ids import new_id
from keys.audit_log import Actor
from store.database import Transaction
from tests.support.billing_api_calls import PLAN, administrator
from tests.support.dialect_calls import bearer
from tests.support.gateway import Gateway
from worker.money.due import Renewer

# What was made last, by what a sample's value names it.
LAST: Final[dict[str, str]] = {}


async def order(gateway: Gateway, key: str) -> str:
    """An order of $20.00 of which $19.00 was paid, so that it is in review."""
    order_id = await _ordered(gateway, key)
    await _pay(gateway, order_id, 1_900)
    return order_id


async def refund(gateway: Gateway, key: str) -> str:
    """A refund of $5.00 of which the provider gave no word."""
    order_id = await _ordered(gateway, key)
    await _pay(gateway, order_id, 2_000)
    context = gateway.context
    command = await context.refunder.request(
        order_id, "staging", reason="half of it", actor=Actor(), amount=500
    )
    made = await context.engine.submit(command)
    about: dict[str, Any] = {
        "refund_id": made.id,
        "order_id": order_id,
        "owner_id": made.owner_id,
        "period_start_at": None,
        "tenant": made.tenant,
    }
    await context.engine.submit(ClaimRefund(**about, seen_checks_made=0, next_check_at=2**62))
    return (await context.engine.submit(PostponeRefund(**about, detail="timeout"))).id


async def payment(gateway: Gateway, _key: str) -> str:
    """A payment of $10.00 whose outcome nobody asks about any more."""
    now_us = gateway.context.clock.now_us()
    await open_machine_account(gateway.context.database, now_us=now_us)
    payment_id = new_id("mpy")
    made = MachinePayment(
        id=payment_id,
        account_id=MACHINE_ACCOUNT,
        environment="staging",
        spent_by=(),
        protocol="x402",
        payment_ref=f"ref-{payment_id}",
        identifier=f"id-{payment_id}",
        body_digest="",
        request=PaidRequest(
            platform="claude", amount_cents=1_000, recipient_email="user@example.com"
        ),
        network="eip155:84532",
        asset="0xa",
        payer="0xb",
        amount="10000000",
        charged_cents=1_000,
        proof="",
        transaction_id=new_id("txn"),
        expires_at=now_us + HOUR_US,
        created_at=now_us,
        state="unknown",
    )

    async def work(tx: Transaction) -> None:
        await payments.insert_payments(tx, [made])

    await gateway.context.database.transaction(work)
    return payment_id


async def subscription(gateway: Gateway, _key: str) -> str:
    """A plan by the month of an account of its own, whose first period is paid."""
    key = await gateway.key(await gateway.account())
    await _sell(gateway)
    body = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}
    made = await gateway.client.post("/payment/create-session", headers=bearer(key), json=body)
    await gateway.client.post(urlsplit(made.json()["data"]["url"]).path, data={"outcome": "paid"})
    context = gateway.context
    await Renewer(context.database, context.clock, context.engine, context.payments).step()
    listed = await gateway.call("GET", "/subscriptions", key=key)
    return str(listed.json()["data"]["items"][0]["id"])


async def unpaid_subscription(gateway: Gateway, key: str) -> str:
    """The same a day after its paid period."""
    found = await subscription(gateway, key)
    ended_at = gateway.context.clock.now_us() - DAY_US

    async def work(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE subscriptions SET paid_until_at = :at WHERE id = :id", at=ended_at, id=found
        )

    await gateway.context.database.transaction(work)
    return found


async def given_period(gateway: Gateway, key: str) -> str:
    """A plan with a free period, whose id is the last one of LAST."""
    found = await unpaid_subscription(gateway, key)
    context = gateway.context
    tenant = await context.database.read(lambda tx: owner_of(tx, found))
    given = await context.engine.submit(
        GivePeriod(subscription_id=found, tenant=tenant, reason="a gift", actor=Actor())
    )
    LAST["period"] = given.id
    return found


async def _sell(gateway: Gateway) -> None:
    """Sell two plans, once."""
    if await gateway.context.database.read(lambda tx: plans.list_plans(tx, "staging")):
        return
    boss = await administrator(gateway)
    for plan in (PLAN, {**PLAN, "id": "plan-max", "name": "Max", "price_monthly": 1999}):
        await boss.call("POST", "/admin/billing/plans", status=201, json=plan)


async def forgotten_customer(gateway: Gateway, _key: str) -> str:
    """A customer of an erased account that Stripe has yet to delete."""
    ref, now_us = new_id("cus"), gateway.context.clock.now_us()

    async def work(tx: Transaction) -> None:
        await tx.insert(
            "forgotten_customers",
            (
                "provider",
                "environment",
                "customer_ref",
                "attempts",
                "next_attempt_at",
                "created_at",
            ),
            [("stripe", "staging", ref, 1, now_us, now_us)],
        )

    await gateway.context.database.transaction(work)
    return ref


async def _ordered(gateway: Gateway, key: str) -> str:
    body = {"provider": "stripe", "amount_cents": 2000}
    made = await gateway.call("POST", "/orders", key=key, json=body)
    assert made.is_success, made.text
    return str(made.json()["data"]["id"])


async def _pay(gateway: Gateway, order_id: str, amount: int) -> None:
    context = gateway.context
    found = await context.database.read(lambda tx: find_order(tx, order_id))
    provider = context.payments.providers.of("stripe", "staging")
    assert provider is not None
    event = SandboxEvent(
        outcome="paid",
        kind="payment",
        order_id=order_id,
        ref=found.provider_ref or "",
        payment_id="pi_" + order_id.removeprefix("ord_"),
        price=Price(amount, "USD"),
        event_id=f"evt_{order_id}",
    )
    await context.payments.notified("stripe", provider.simulate(event))


MONEY_MAKERS: Final[Mapping[str, Callable[[Gateway, str], Awaitable[Any]]]] = {
    "orders": order,
    "refunds": refund,
    "payments": payment,
    "providers": forgotten_customer,
    "subscriptions": subscription,
    "subscriptions.grant-period": unpaid_subscription,
    "subscriptions.revoke-period": given_period,
}
