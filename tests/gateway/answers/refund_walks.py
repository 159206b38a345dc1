"""Walks through refunds and disputes: asked for, made, refused, decided by a person."""

from urllib.parse import urlsplit

from billing.payments import disputes
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import Disputed, DisputeNote, Paid, Subject
from kernel.clock import parse_rfc3339
from tests.gateway.answers.own_walks import UNKNOWN, account
from tests.gateway.answers.recorder import Recorder
from tests.support.billing_api_calls import administrator
from tests.support.refunding import usd
from worker.money.provider_calls import RefundLoop

NOTE = DisputeNote("needs_response", "fraudulent", parse_rfc3339("2026-06-20T12:00:00Z"))


async def refunds(to: Recorder) -> None:
    account_id, key = await account(to)
    boss = (await administrator(to.gateway)).key
    wanted = {"provider": "stripe", "pack_id": "pack_starter"}
    made = (await to.gateway.call("POST", "/orders", key=key, json=wanted)).json()["data"]
    path = f"/orders/{made['id']}/refund"
    asks = {"reason": "bought twice", "amount": 300}
    await to.own("not paid", "POST", path, boss, json=asks)
    pressed = await to.gateway.client.post(urlsplit(made["url"]).path, data={"outcome": "paid"})
    assert pressed.status_code == 303, pressed.text
    await to.own("without the scope", "POST", path, key, json=asks)
    await to.own("no reason", "POST", path, boss, json={"amount": 300})
    await to.own("too much", "POST", path, boss, json={**asks, "amount": 99_999})
    await to.own("of no order", "POST", f"/orders/ord_{UNKNOWN}/refund", boss, json=asks)
    asked = await to.own("a part", "POST", path, boss, json=asks)
    await to.own("under way", "POST", path, boss, json=asks)
    context = to.gateway.context
    loop = RefundLoop(context.database, context.clock, context.refunder)
    await loop.step()
    one = f"/refunds/{asked['id']}"
    await to.own("made", "GET", one, boss)
    decided = {"verdict": "not_made", "reason": "nothing there"}
    await to.own("ended", "POST", f"{one}/decide", boss, json=decided)
    pending = await to.own("the rest", "POST", path, boss, json={"reason": "sandbox pending"})
    await loop.step()
    to.clock.advance_s(60)
    rest = f"/refunds/{pending['id']}"
    await to.own("by a person", "POST", f"{rest}/decide", boss, json=decided)
    await to.own("all", "GET", "/refunds", boss)
    await to.own("failed", "GET", "/refunds?status=failed&limit=1", boss)
    await to.own("unknown", "GET", f"/refunds/rfd_{UNKNOWN}", boss)
    await _second_payment(to, boss, made["id"])
    told = NotificationRef("stripe", "staging", "evt_1", "charge.dispute.created")
    fact = Disputed(Subject(made["id"]), "du_1", usd(200), NOTE)
    owner, now_us = (account_id, made["id"]), to.clock.now_us()
    await context.database.transaction(
        lambda tx: disputes.save(tx, told, fact, owner, now_us=now_us)
    )
    await to.own("one", "GET", "/disputes", boss)


async def _second_payment(to: Recorder, boss: str, order_id: str) -> None:
    """The order is paid once more: that payment goes back by its own name."""
    context, path = to.gateway.context, f"/orders/{order_id}/refund"
    told = NotificationRef("stripe", "staging", "evt_2", "checkout.session.completed")
    paid = Paid(Subject(order_id), payment_id="pi_2", price=usd(500))
    await context.payments.notifications.act_on([paid], told)
    asks = {"reason": "paid twice", "payment": "pi_2"}
    await to.own("of no payment", "POST", path, boss, json={**asks, "payment": "pi_3"})
    asked = await to.own("a second payment", "POST", path, boss, json=asks)
    await RefundLoop(context.database, context.clock, context.refunder).step()
    await to.own("gone back", "GET", f"/refunds/{asked['id']}", boss)
    await to.own("once", "POST", path, boss, json=asks)
