"""Walks through receipts: whom they are made out to, their list, and what has none. No PDF is kept."""

from urllib.parse import urlsplit

from tests.gateway.answers.own_walks import UNKNOWN, account
from tests.gateway.answers.recorder import Recorder


async def receipts(to: Recorder) -> None:
    account_id, key = await account(to)
    reader = await to.gateway.key(account_id, scopes=("topup:read",))
    await to.own("none given", "GET", "/billing/details", key)
    given = {"name": "Buyer Ltd", "address": "Road 2\nLondon", "tax_id": "GB9"}
    live = await to.gateway.key(account_id, environment="live")
    await to.own("given", "PUT", "/billing/details", live, json=given)
    await to.own("by a staging key", "PUT", "/billing/details", key, json=given)
    await to.own("too long", "PUT", "/billing/details", live, json={"tax_id": "9" * 61})
    await to.own("without the scope", "PUT", "/billing/details", reader, json=given)

    wanted = {"provider": "stripe", "pack_id": "pack_starter"}
    made = (await to.gateway.call("POST", "/orders", key=key, json=wanted)).json()["data"]
    path = f"/orders/{made['id']}"
    await to.own("not paid", "GET", f"{path}/receipt.pdf", key)
    to.clock.advance_s(1)
    pressed = await to.gateway.client.post(urlsplit(made["url"]).path, data={"outcome": "paid"})
    assert pressed.status_code == 303, pressed.text
    printed = await to.gateway.call("GET", f"{path}/receipt.pdf", key=key)
    assert printed.headers["content-type"] == "application/pdf"
    await to.own("all", "GET", "/documents", key)
    await to.own("receipts", "GET", "/documents?kind=receipt&limit=1", key)
    await to.own("no kind", "GET", "/documents?kind=bill", key)
    await to.own("a wrong cursor", "GET", "/documents?cursor=x", key)
    await to.own("none", "GET", f"{path}/credit-notes", key)
    await to.own("of no order", "GET", f"/orders/ord_{UNKNOWN}/credit-notes", key)
    await to.own("of no order", "GET", f"/orders/ord_{UNKNOWN}/receipt.pdf", key)
    await to.own("unknown", "GET", f"/documents/doc_{UNKNOWN}/pdf", key)
    await to.own("a month and a time", "GET", "/topup/statement?month=2026-06&to=x", key)
    await to.own("without the scope", "GET", "/reports/revenue", key)
    await to.own("without the scope", "GET", "/reports/outstanding", key)
