"""A database with every kind of fact that the gateway writes, made by its real calls.

Most of it comes from the walks of the recorded answers and the lives at Stripe's stand-in.
"""

from functools import partial
from pathlib import Path
from typing import Any

from billing.catalog.pack_acts import CREATE_PACK
from billing.checkpoints.sealing import Sealer
from billing.checkpoints.sums import add_sealed
from billing.credits.code_acts import CREATE_BATCH
from billing.documents.facts import Party, Seller
from billing.documents.numbering import number_step
from billing.fulfilment.fee_acts import SET_FEE
from billing.fulfilment.platform_acts import CHANGE_PLATFORM, CREATE_PLATFORM
from billing.fulfilment.stock_acts import ADD_CODES
from billing.ledger.price import Price
from billing.manual_review.supplier_acts import CREATE_SUPPLIER
from billing.payments.recharging.setting import SetRecharge
from billing.payments.sandbox.checkout import SandboxCards, sandbox_customer
from billing.providers.abilities import SavingRequest
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import Refunded, Subject
from billing.recharges.recharge import Recharge
from billing.reconciliation import own_payments
from billing.reconciliation.own_payments import PaymentFee
from billing.topups.fulfilment import Settle
from billing.topups.topup import Deliverable
from kernel.clock import DAY_US, FixedClock, SystemClock, rfc3339
from kernel.tenant import Tenant
from keys import audit_log
from keys.account import set_day_limit
from keys.audit_log import Actor
from keys.oauth import app as oauth_app
from keys.oauth.app import NewApp
from keys.principal import ENVIRONMENTS
from keys.vault import Vault
from store.database import Transaction
from store.schema import metadata
from tests.billing.lives import grant_lives, payment_lives, plan_lives, refund_lives, steered_lives
from tests.billing.lives.table import TABLE
from tests.gateway.answers import own_walks
from tests.gateway.answers.recorder import Recorder
from tests.gateway.answers.test_recorded_answers import WALKS
from tests.support.gateway import Gateway, running, settings_of
from tests.support.operator_acts import act_in
from tests.support.stripe_api import customers, refunds
from tests.support.stripe_api.catalog import make_price
from tests.support.stripe_api.params import decoded
from tests.support.stripe_life import Life, open_lives
from worker.money.chores import count_volume
from worker.money.provider_calls import Recharger
from worker.topups import Fulfiller

assert all((grant_lives, payment_lives, plan_lives, refund_lives, steered_lives))
SELLER = Seller(
    Party("Acme Ltd", ("1 High Street",)),
    {"receipt": "R", "credit_note": "C", "debit_note": "D"},
    mails_receipts=False,
)
_BY = Actor()


async def fill(database_url: str, folder: Path, clock: FixedClock) -> None:
    """Makes all of it, day after day of the clock."""
    settings = settings_of(
        database_url, folder, platforms=(own_walks.PLATFORM,), newapi_discount="100:0.95"
    )
    async with running(settings, clock) as gateway:
        # A payment by machine names the minute in which it counts.
        for number, name in enumerate(sorted(WALKS, key=lambda one: one != "x402")):
            await WALKS[name](Recorder(gateway, clock, folder))
            await gateway.context.database.transaction(partial(_forget_names, prefix=f"x{number}-"))
        await _sealed(gateway)
    async with open_lives(database_url, folder, clock) as lives:
        for act in TABLE.acts.values():
            await act(await lives.begin())
        await _left_open(await lives.begin())
        await _told_beside(await lives.begin())
        await _numbered(lives.gateway, clock)
    async with running(settings, clock) as gateway:
        await _catalogue(gateway)
        await _sends(gateway, clock)
        await _recharged(gateway, clock)


async def _forget_names(tx: Transaction, *, prefix: str) -> None:
    """Let the next walk give the names that this one gave.

    Each walk has a prefix of its own: PostgreSQL checks a unique key row by row, in any order.
    """
    await tx.execute("UPDATE accounts SET email = NULL")
    await tx.execute("UPDATE coupons SET code = 'C' || id")
    await tx.execute("DELETE FROM plan_products")
    await tx.execute("UPDATE plans SET stripe_price_id_monthly = NULL, creem_product_id = NULL")
    for table in metadata.sorted_tables:
        for column in ("plan_id", "next_plan_id"):
            if column in table.columns:
                await tx.execute(f"UPDATE {table.name} SET {column} = '{prefix}' || {column}")
    await tx.execute(f"UPDATE plans SET id = '{prefix}' || id")
    await tx.execute(
        f"UPDATE audit_log SET subject_id = '{prefix}' || subject_id WHERE action LIKE 'plan.%'"
    )


async def _catalogue(gateway: Gateway) -> None:
    """A pack, a platform with codes in stock and one that a person serves, and their fees."""
    context = gateway.context
    now_us = context.clock.now_us()

    async def work(tx: Transaction) -> None:
        pack: dict[str, Any] = {
            "id": "ten",
            "name": "Ten",
            "price": "10.00",
            "credits": 12_000,
            "bonus_credits": 2_000,
        }
        await act_in(tx, CREATE_PACK, now_us=now_us, **pack)
        vault: dict[type, Any] = {Vault: context.vault}
        await act_in(tx, CREATE_BATCH, services=vault, now_us=now_us, credits=1_000, count=2)
        for kind, platform in (("code_stock", "gifts"), ("manual", "notes")):
            await act_in(
                tx, CREATE_SUPPLIER, master=context.vault, now_us=now_us, id=kind, kind=kind
            )
            await act_in(tx, CREATE_PLATFORM, now_us=now_us, id=platform, suppliers=[kind])
            fee: dict[str, Any] = {
                "fixed_cents": 10,
                "basis_points": 100,
                "min_cents": 15,
                "max_cents": 500,
            }
            await act_in(tx, SET_FEE, platform, now_us=now_us, **fee)
        lines = ["platform,amount_cents,code", *(f"gifts,1000,GIFT-{n:04}" for n in range(3))]
        codes: dict[str, Any] = {"supplier": "code_stock", "codes": "\n".join(lines)}
        await act_in(tx, ADD_CODES, master=context.vault, now_us=now_us, **codes)

    await context.database.transaction(work)
    await context.suppliers.refresh()


async def _sends(gateway: Gateway, clock: FixedClock) -> None:
    """Top-ups with fees of each end, what waits, and what is held."""
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await _limits(gateway, account_id, key)

    async def send(platform: str, **more: Any) -> str:
        body = {
            "platform": platform,
            "amount_cents": 1000,
            "recipient_email": "u@example.com",
            **more,
        }
        answer = await gateway.call("POST", "/topup/send", key=key, json=body)
        assert answer.status_code < 300, answer.text
        return str(answer.json()["transaction_id"])

    context = gateway.context
    worker = Fulfiller(context.database, clock, context.engine, context.suppliers)
    await send("gifts")
    await send("notes")
    cancelled = await send("notes")
    reversed_ = await send("claude")
    contradicted = await send("slow")
    await send("claude", recipient_email="pending@sandbox.test")
    await send("claude", send_at=rfc3339(clock.now_us() + DAY_US))
    await send("claude", recipient_email="approval@sandbox.test")
    await gateway.call("POST", "/topup/cancel", key=key, json={"transaction_id": cancelled})
    await gateway.call("POST", f"/topup/{reversed_}/reverse", key=key, json={"reason": "mistake"})
    await _contradicted(gateway, account_id, contradicted)
    await gateway.call("POST", "/holds", key=key, json={"credits": 20, "description": "chat"})
    for _ in range(3):
        clock.advance_s(150)
        await worker.step()


async def _limits(gateway: Gateway, account_id: str, key: str) -> None:
    """Keys with every limit and with none, an account's own, and what a balance is watched for."""
    limits = {"per_call_cents": 9, "lifetime_cents": 9, "approval_above_cents": 9}
    daily = {"per_day_cents": 9, "per_month_cents": 9, "approval_above_per_day_cents": 9}
    for body in ({}, {**limits, **daily}):
        await gateway.call("POST", "/keys", key=key, json={"name": "limited", **body})
    body = {"low_balance_threshold_cents": 5}
    await gateway.call("PUT", "/topup/balance/threshold", key=key, json=body)
    tenant, by = Tenant(account_id, "staging"), Actor()
    new = NewApp(
        name="Wiki", scope="general_api_access", redirect_host="wiki.example", cap_micros=5_000_000
    )

    async def work(tx: Transaction) -> None:
        now_us = gateway.context.clock.now_us()
        app, _ = await oauth_app.create(tx, tenant, new, now_us=now_us)
        await set_day_limit(tx, tenant, 900_000)
        after = {"per_day_cents": 900_000}
        more = {"account_id": account_id, "environment": "staging", "subject_id": account_id}
        limited = audit_log.security(by, "account.limited", **more, after=after, now_us=now_us)
        more["subject_id"], cap = app.id, {"cap_micros": app.cap_micros}
        made = audit_log.security(by, "app.created", **more, after=cap, now_us=now_us)
        await audit_log.record(tx, [limited, made])
        await act_in(tx, CHANGE_PLATFORM, "gifts", now_us=now_us, max_amount_cents=50_000)

    await gateway.context.database.transaction(work)
    wanted = Recharge(
        account_id=account_id,
        environment="staging",
        provider="stripe",
        customer_ref="cus_1",
        method_ref="pm_1",
        brand="visa",
        last4="4242",
        below_cents=500,
        amount_cents=1000,
        monthly_max_cents=3000,
        changed_at=0,
    )
    await gateway.context.engine.submit(SetRecharge(wanted))


async def _left_open(life: Life) -> None:
    """A refund that is under way, a dispute that is open, and an order in review."""
    pending = await life.buy(2000, customers.REFUND_PENDING)
    await life.ask_back(pending["id"], amount=500)
    await life.buy(3000)
    refunds.dispute(life.stripe.account, life.charge["id"])
    await life.hear()


async def _told_beside(life: Life) -> None:
    """Change to a plan that nobody sells, name a fee, and tell of a refund of nothing that is known."""
    await life.subscribe()
    price = make_price(
        life.stripe.account,
        decoded("currency=usd&unit_amount=7000&recurring[interval]=month&product_data[name]=X"),
    )
    item = life.subscription["items"]["data"][0]["id"]
    await life.change(
        f"items[0][id]={item}&items[0][price]={price['id']}&proration_behavior=always_invoice"
    )
    context, now_us = life.gateway.context, life.clock.now_us()
    unknown = Refunded(
        Subject(None, ("ch_unknown",)), "re_unknown", Price(700, "USD"), is_part=True
    )
    event = NotificationRef("stripe", "staging", "evt_unknown", "charge.refunded")
    await context.payments.notifications.act_on([unknown], event)

    async def work(tx: Transaction) -> None:
        row = await tx.fetch_one(
            "SELECT id, payment_id FROM orders WHERE account_id = :id AND payment_id IS NOT NULL",
            id=life.account_id,
        )
        assert row is not None, "the first plan is paid"
        fee = PaymentFee(
            owner_id=row["id"],
            account_id=life.account_id,
            environment="staging",
            provider="stripe",
            payment_id=row["payment_id"],
            amount=59,
            currency="USD",
            paid_at=now_us,
            recorded_at=now_us,
        )
        await own_payments.save_fees(tx, [fee])

    await context.database.transaction(work)


async def _recharged(gateway: Gateway, clock: FixedClock) -> None:
    """Charge a saved card of the simulated provider once the balance is low."""
    account_id = await gateway.account()
    tenant, context = Tenant(account_id, "staging"), gateway.context
    cards = SandboxCards(tenant, "stripe", context.database, clock, "")
    page = await cards.save_page(SavingRequest(account_id, "", "", ""))
    await gateway.client.post(page, data={"card": "pays"})
    (saved,) = await cards.saved("")
    wanted = Recharge(
        account_id=account_id,
        environment="staging",
        provider="stripe",
        is_simulated=True,
        customer_ref=sandbox_customer(tenant),
        method_ref=saved.ref,
        brand="visa",
        last4="4242",
        below_cents=2_000_000,
        amount_cents=2500,
        monthly_max_cents=5000,
        changed_at=0,
    )
    await context.engine.submit(SetRecharge(wanted))
    recharger = Recharger(context.database, clock, context.payments.charging)
    for _ in range(3):
        await recharger.step()


async def _contradicted(gateway: Gateway, account_id: str, topup_id: str) -> None:
    """Deliver a top-up, and have its supplier hand over another code for it."""
    for value in ("GIFT-1234-5678", "GIFT-9999-0000"):
        word = Settle(
            topup_id=topup_id,
            tenant=Tenant(account_id, "staging"),
            outcome="delivered",
            given=Deliverable("code", value),
            by="slow",
            cost_cents=900,
        )
        await gateway.context.engine.submit(word)


async def _numbered(gateway: Gateway, clock: FixedClock) -> None:
    """Receipts and notes of all that was paid."""
    for environment in ENVIRONMENTS:
        while await number_step(
            gateway.context.database, environment, SELLER, now_us=clock.now_us()
        ):
            pass


async def _sealed(gateway: Gateway) -> None:
    """Days that are counted and sealed."""
    # Ids have the time of the machine, and what is sealed is found by them.
    later = FixedClock(SystemClock().now_us() + 3 * DAY_US)
    await count_volume(gateway.context.database, later)
    await Sealer(gateway.context.database, gateway.context.vault, later).seal_due()
    await add_sealed(gateway.context.database)
