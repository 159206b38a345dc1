"""What a scene begins with and no command makes: paid orders, plans, what waits for a person."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from billing.ledger.price import Price
from billing.orders import records as order_list
from billing.orders.order import Order
from billing.providers.protocol import SandboxEvent
from billing.topups.fulfilment import BeginSupplierCall, Settle
from billing.topups.platform import Source
from billing.topups.topup import Deliverable
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import member
from store.database import Transaction
from tests.doors.scene import Kept
from tests.support.billing_api_calls import PLAN, administrator
from tests.support.dialect_calls import bearer
from tests.support.gateway import Gateway
from worker.money.due import Renewer
from worker.money.provider_calls import RefundLoop
from worker.topups import Fulfiller

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


async def orders(gateway: Gateway, clock: FixedClock, kept: Kept) -> Mapping[str, Any]:
    """Orders of $20.00: two pending, two paid, two in review."""
    made = {}
    for name in ("pending", "pending2", "paid", "paid2", "review", "review2"):
        clock.advance_s(1)
        body = {"provider": "stripe", "amount_cents": 2000}
        made[name] = await _own(gateway, kept, "POST", "/orders", body)
    for name, cents in {"paid": 2000, "paid2": 2000, "review": 1, "review2": 1}.items():
        clock.advance_s(1)
        await _pay(gateway, made[name]["id"], cents, name)
    return made


async def refund_steps(gateway: Gateway, clock: FixedClock, _kept: Kept) -> Mapping[str, Any]:
    """A worker asks the providers of all refunds."""
    await RefundLoop(gateway.context.database, clock, gateway.context.refunder).step()
    return {}


async def plan(gateway: Gateway, clock: FixedClock, kept: Kept) -> Mapping[str, Any]:
    """Two plans, and a subscription whose first period is paid."""
    boss = await administrator(gateway)
    await boss.call("POST", "/admin/billing/plans", status=201, json=PLAN)
    dearer = {**PLAN, "id": "team", "name": "Team", "price_monthly": 2997}
    await boss.call("POST", "/admin/billing/plans", status=201, json=dearer)
    body = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}
    key = kept.values["key"]
    made = await gateway.client.post("/payment/create-session", headers=bearer(key), json=body)
    clock.advance_s(1)
    await gateway.client.post(urlsplit(made.json()["data"]["url"]).path, data={"outcome": "paid"})
    context = gateway.context
    await Renewer(context.database, clock, context.engine, context.payments).step()
    (one,) = (await _own(gateway, kept, "GET", "/subscriptions"))["items"]
    return {"subscription": one}


async def review(gateway: Gateway, clock: FixedClock, kept: Kept) -> Mapping[str, Any]:
    """Top-ups by hand: `task1` to `task6` wait for a person; suppliers by-hand and cards of `claude`."""
    await gateway.context.suppliers.refresh()
    made = {}
    for number in range(1, 7):
        clock.advance_s(1)
        body = {
            "platform": "claude",
            "amount_cents": 600,
            "recipient_email": f"user{number}@example.com",
        }
        made[f"task{number}"] = await _own(gateway, kept, "POST", "/topup/send", body)
    context = gateway.context
    await Fulfiller(context.database, clock, context.engine, context.suppliers).step()
    return made


async def words(gateway: Gateway, clock: FixedClock, kept: Kept) -> Mapping[str, Any]:
    """Top-ups of $10.00 at the supplier `own`, whose words an operator has to look at: dear1 and dear2 cost more
    than they were sold for.
    """
    await gateway.context.suppliers.refresh()
    made = {}
    for name in ("dear1", "dear2"):
        clock.advance_s(1)
        body = {
            "platform": "claude",
            "amount_cents": 1000,
            "recipient_email": f"{name}@example.com",
        }
        sent = await _own(gateway, kept, "POST", "/topup/send", body)
        await _word(gateway, sent["transaction_id"], kept.values["account"]["id"], name)
        made[name] = sent
    return made


async def _word(gateway: Gateway, topup_id: str, account_id: str, name: str) -> None:
    engine, now_us = gateway.context.engine, gateway.context.clock.now_us()
    tenant = Tenant(account_id, "staging")
    source, later = Source("own", "http"), now_us + 60_000_000
    await engine.submit(
        BeginSupplierCall(topup_id, tenant, 0, later, source, f"{name}@example.com")
    )
    given = Deliverable("code", f"GIFT-{name}-5678", "https://vendor.example/redeem")
    await engine.submit(
        Settle(topup_id, tenant, "delivered", given=given, by="own", cost_cents=1001)
    )


async def _pay(gateway: Gateway, order_id: str, amount: int, name: str) -> None:
    context = gateway.context

    async def work(tx: Transaction) -> Order:
        found = await order_list.find(tx, order_id)
        assert found is not None
        return found

    order = await context.database.read(work)
    provider = context.payments.providers.of("stripe", "staging")
    assert provider is not None
    event = SandboxEvent(
        outcome="paid",
        kind="payment",
        order_id=order.id,
        ref=order.provider_ref or "",
        payment_id=f"pi_{name}",
        price=Price(amount, "USD"),
        event_id=f"evt_{name}",
    )
    await context.payments.notified("stripe", provider.simulate(event))


async def _own(
    gateway: Gateway, kept: Kept, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Any:
    given = {} if body is None else {"json": body}
    answer = await gateway.call(method, path, key=kept.values["key"], **given)
    assert answer.is_success, answer.text
    return answer.json()["data"] | {"transaction_id": answer.json()["transaction_id"]}


async def colleague(gateway: Gateway, clock: FixedClock, kept: Kept) -> Mapping[str, Any]:
    """A colleague of the account `made`, who joined."""
    account_id, email = kept.values["made"]["id"], "bo@acme.example"
    person_id = await gateway.account(email=email)

    async def work(tx: Transaction) -> str:
        one = await member.invite(
            tx,
            account_id=account_id,
            email=email,
            role="reader",
            invited_by=account_id,
            now_us=clock.now_us(),
        )
        await member.accept(tx, one, person_id, now_us=clock.now_us())
        return one.id

    return {"colleague": {"id": await gateway.context.database.transaction(work)}}


GIVENS = {
    "colleague": colleague,
    "orders": orders,
    "refund-steps": refund_steps,
    "plan": plan,
    "review": review,
    "words": words,
}
