"""One account, five dialects, one truth: what one credits or charges, every other shows."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.billing_api_calls import Caller, findings, sold
from tests.support.dialect_calls import bearer, decide
from tests.support.gateway import Gateway
from tests.support.oauth_agreement import Agreement, agree
from tests.support.redemption_codes import codes_of

pytestmark = pytest.mark.fixed_clock


@dataclass(frozen=True, slots=True)
class BatchReads:
    """One account's balance, as each dialect tells it."""

    app: Agreement
    me: Caller
    token: str
    key: str

    async def cents(self) -> int:
        """What every dialect says, which is one number."""
        gateway = self.app.gateway
        own = (await gateway.call("GET", "/topup/balance", key=self.key)).json()["data"]
        path = "/api/billing/subscription"
        resayil = (await gateway.client.get(path, headers=bearer(self.key))).json()
        ohmygpt = (await self.app.post("/user/oauth/balance", token=self.token)).json()["data"]
        lines = await self.me.call("GET", "/credits/transactions?limit=200")
        shown = {
            own["balance_cents"],
            await self.me.balance() // 10,
            int(resayil["credits"] // 10),
            int(Decimal(ohmygpt["balance"]) * 100),
            sum(line["amount_micros"] for line in lines) // 10_000,
        }
        assert len(shown) == 1, shown
        return int(shown.pop())


async def spend_by_our_own(gateway: Gateway, key: str) -> None:
    """A send of $10.00, then usage of $2.00."""
    send = {"platform": "claude", "amount_cents": 1000, "recipient_email": "a@example.com"}
    assert (await gateway.call("POST", "/topup/send", key=key, json=send)).status_code == 200
    usage = {"credits": 2000, "description": "AI"}
    assert (await gateway.call("POST", "/usage", key=key, json=usage)).status_code < 300


async def pay_by_newapi(gateway: Gateway, api: dict[str, str]) -> None:
    """A payment of $5, and a code of 1,000 credits."""
    client = gateway.client
    paid = (await client.post("/api/user/pay", headers=api, json={"amount": 5})).json()
    await decide(gateway, paid["data"])
    [code] = await codes_of(gateway, 1000)
    redeemed = await client.post("/api/user/topup", headers=api, json={"key": code})
    assert redeemed.json()["data"] == 500_000


async def test_each_dialect_credits_and_charges_and_all_show_the_same(gateway: Gateway) -> None:
    app = await agree(gateway, email="me@example.com")
    key = await gateway.key(app.user_id)
    me, token = Caller(gateway, app.user_id, key), await app.token()
    await sold(gateway)
    api = bearer(key)
    cents = BatchReads(app, me, token, key).cents
    found = [await cents()]

    await spend_by_our_own(gateway, key)
    found.append(await cents())
    await pay_by_newapi(gateway, api)
    found.append(await cents())

    # Resayil: the Pro Pack, 25,000 credits.
    pack = {"pack_id": "pack_pro"}
    bought = await gateway.client.post("/api/billing/topup", headers=api, json=pack)
    await decide(gateway, bought.json()["payment_url"])
    found.append(await cents())

    # Billing API: a check-in of 100 credits, and a plan of 10,000.
    await me.call("POST", "/checkin")
    await me.subscribe()
    found.append(await cents())

    # OhMyGPT: the app charges $3.25, and orders $4.00 for the user.
    charge = {"amount": "3.25", "remark": "work", "order_no": "n-1"}
    assert (await app.post("/user/oauth/charge", charge, token=token)).status_code == 200
    ordered = await app.post(
        "/pay/oa/stripe/create-order",
        {"amount": "4.00", "product_id": "10001"},
        token=token,
    )
    await decide(gateway, ordered.json()["data"]["checkout_url"])
    found.append(await cents())

    changes = [after - before for before, after in pairwise(found)]
    assert changes == [-1200, 600, 2500, 1010, 75]
    assert await findings(gateway) == []
