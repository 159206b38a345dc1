"""What has to be there before a call of the reference can be made: the ids that its sample names.

Each maker has one account's own things made by the API, and gives the words of the sample that stand for them,
such as txn_abc123, with the credentials in its environment.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support.billing_api_calls import PLAN, Caller, administrator
from tests.support.browser import member, new_browser
from tests.support.gateway import API, Gateway
from tests.support.oauth_agreement import agree
from tests.support.redemption_codes import codes_of
from worker.money.due import Renewer
from worker.money.provider_calls import RefundLoop

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
ENTITLED = {"exports": {"limit": 100, "period": "month"}}


@dataclass(slots=True)
class Words:
    """What a sample's words stand for here, and the environment that its reader has set."""

    ids: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def in_text(self, text: str) -> str:
        for printed, here in self.ids.items():
            text = text.replace(printed, here)
        return text


@dataclass(slots=True)
class Stage:
    """One gateway with an operator and a person."""

    gateway: Gateway
    boss: Caller
    receiver_url: str
    _number: int = 0

    @classmethod
    async def set(cls, gateway: Gateway, receiver_url: str) -> "Stage":
        boss = await administrator(gateway)
        stage = cls(gateway, boss, receiver_url)
        for plan in (PLAN, {**PLAN, "id": "team", "name": "Team", "price_monthly": 2997}):
            await boss.call(
                "POST", "/admin/billing/plans", status=201, json={**plan, "entitlements": ENTITLED}
            )
        return stage

    def number(self) -> int:
        self._number += 1
        return self._number

    async def customer(self) -> Words:
        """An account of its own with a key that may everything."""
        return Words(env={"KEY": await self.gateway.key(await self.gateway.account())})

    async def ask(
        self, words: Words, method: str, path: str, body: Any = None, *, at: str = API
    ) -> Any:
        """The `data` of a call that is taken."""
        headers = {"Authorization": f"Bearer {words.env['KEY']}"}
        given = {} if body is None else {"json": body}
        answer = await self.gateway.client.request(method, at + path, headers=headers, **given)
        assert answer.status_code < 400, f"{method} {path}: {answer.text}"
        return answer.json()["data"]

    async def send(self, words: Words, **more: Any) -> Any:
        """A top-up's data, with its id in the words."""
        data = await self.ask(words, "POST", "/topup/send", {**SEND, **more})
        listed = await self.ask(words, "GET", "/topup/history?limit=1")
        words.ids["txn_abc123"] = listed["items"][0]["transaction_id"]
        return data

    async def paid_order(self, words: Words) -> str:
        made = await self.ask(
            words, "POST", "/orders", {"provider": "stripe", "amount_cents": 1000}
        )
        await self.press(made["url"])
        return str(made["id"])

    async def press(self, url: str) -> None:
        """The sandbox's payer pays."""
        answer = await self.gateway.client.post(urlsplit(url).path, data={"outcome": "paid"})
        assert answer.status_code in {302, 303}, answer.text


Maker = Callable[[Stage, Words], Awaitable[None]]


async def delivered(stage: Stage, words: Words) -> None:
    await stage.send(words)


async def mailed(stage: Stage, words: Words) -> None:
    await stage.send(words, delivery={"email": True})


async def pending(stage: Stage, words: Words) -> None:
    await stage.send(words, recipient_email="pending@sandbox.test")


async def voucher(stage: Stage, words: Words) -> None:
    sent = await stage.send(words)
    words.ids["ATU-7Q3X-9KVM-2C8R-T5WA-H4NB"] = sent["voucher_code"]


async def code(stage: Stage, words: Words) -> None:
    [words.ids["TOPUP-7Q3X-9KVM-2C8R"]] = await codes_of(stage.gateway, 1500)


async def batch(stage: Stage, words: Words) -> None:
    items = [{**SEND, "reference": f"order-{stage.number()}"}]
    words.ids["bat_abc123"] = (await stage.ask(words, "POST", "/topup/bulk", {"items": items}))[
        "id"
    ]


async def approval(stage: Stage, words: Words) -> None:
    account_id = await stage.gateway.account()
    words.env["KEY"] = await stage.gateway.key(account_id)
    sent = await stage.send(words, recipient_email="approval@sandbox.test")
    words.ids["apr_abc123"] = sent["approval"]["id"]
    words.env["KEY"] = await stage.gateway.key(account_id)


async def hold(stage: Stage, words: Words) -> None:
    made = await stage.ask(words, "POST", "/holds", {"credits": 1000, "description": "A chat"})
    words.ids["hld_abc123"] = made["id"]


async def order(stage: Stage, words: Words) -> None:
    words.ids["ord_abc123"] = await stage.paid_order(words)


async def document(stage: Stage, words: Words) -> None:
    order_id = await stage.paid_order(words)
    headers = {"Authorization": f"Bearer {words.env['KEY']}"}
    printed = await stage.gateway.client.get(
        f"{API}/orders/{order_id}/receipt.pdf", headers=headers
    )
    assert printed.status_code == 200
    listed = await stage.ask(words, "GET", "/documents")
    words.ids["doc_abc123"] = listed["items"][0]["id"]


async def refundable(stage: Stage, words: Words) -> None:
    await order(stage, words)
    words.env["KEY"] = stage.boss.key


async def refund(stage: Stage, words: Words) -> None:
    await refundable(stage, words)
    path, why = f"/orders/{words.ids['ord_abc123']}/refund", {"reason": "sandbox pending"}
    words.ids["rfd_abc123"] = (await stage.ask(words, "POST", path, why))["id"]
    context = stage.gateway.context
    await RefundLoop(context.database, context.clock, context.refunder).step()


async def subscription(stage: Stage, words: Words) -> None:
    """A plan of an account that has no other; `named` is among what the plan grants."""
    words.env.update((await stage.customer()).env)
    body = {"channel": "stripe", "type": "subscription", "plan_id": "plan-id"}
    made = await stage.ask(words, "POST", "/payment/create-session", body, at="")
    await stage.press(made["url"])
    context = stage.gateway.context
    await Renewer(context.database, context.clock, context.engine, context.payments).step()
    listed = await stage.ask(words, "GET", "/subscriptions")
    words.ids["sub_abc123"] = listed["items"][0]["id"]


async def ending(stage: Stage, words: Words) -> None:
    await subscription(stage, words)
    await stage.ask(
        words, "POST", f"/subscriptions/{words.ids['sub_abc123']}/cancel", {"at": "period_end"}
    )


async def free_period(stage: Stage, words: Words) -> None:
    await subscription(stage, words)
    path = f"/subscriptions/{words.ids['sub_abc123']}"
    until = (await stage.ask(words, "GET", path))["current_period_end"]
    words.env["KEY"] = stage.boss.key
    body = {"reason": "a gift", "period_start": until}
    given = await stage.ask(words, "POST", f"{path}/free-periods", body)
    words.ids["per_abc123"] = given["id"]


async def overdue(stage: Stage, words: Words) -> None:
    """Of a plan whose next period has begun, so that it may be given."""
    await subscription(stage, words)
    words.env["KEY"] = stage.boss.key


async def child(stage: Stage, words: Words) -> None:
    made = await stage.ask(words, "POST", "/keys", {"name": "Child"})
    words.ids["key_abc123"] = made["id"]


async def paused(stage: Stage, words: Words) -> None:
    """Resumed by a key that is no kin."""
    account_id = await stage.gateway.account()
    words.env["KEY"] = await stage.gateway.key(account_id)
    await child(stage, words)
    await stage.ask(words, "POST", f"/keys/{words.ids['key_abc123']}/pause")
    words.env["KEY"] = await stage.gateway.key(account_id)


async def login(stage: Stage, words: Words) -> None:
    begun = await stage.ask(words, "POST", "/cli/login", {"name": "ann's laptop"})
    words.ids["GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS-c"] = begun["device_code"]


async def token(stage: Stage, words: Words) -> None:
    made = await stage.ask(words, "POST", "/tokens", {"name": "Billing page"})
    words.ids["tok_abc123"] = made["id"]


async def portal_link(stage: Stage, words: Words) -> None:
    words.ids["ptl_abc123"] = (await stage.ask(words, "POST", "/portal-links", {}))["id"]


async def endpoint(stage: Stage, words: Words) -> None:
    """One that takes what it is sent."""
    words.env.update((await stage.customer()).env)
    made = await stage.ask(words, "POST", "/webhooks/register", {"url": stage.receiver_url})
    words.ids["we_abc123"] = made["id"]
    words.ids["https://test.example.com/orders/count"] = stage.receiver_url


async def address(stage: Stage, words: Words) -> None:
    """The reader's own receiver."""
    words.ids["https://example.com/hook"] = stage.receiver_url


async def event(stage: Stage, words: Words) -> None:
    await endpoint(stage, words)
    await stage.send(words)
    words.ids["evt_abc123"] = (await stage.ask(words, "GET", "/events"))["items"][0]["id"]


async def delivery(stage: Stage, words: Words) -> None:
    await event(stage, words)
    words.ids["dlv_abc123"] = (await stage.ask(words, "GET", "/deliveries"))["items"][0]["id"]


async def waiting_delivery(stage: Stage, words: Words) -> None:
    """Of an endpoint that is not sent to before an hour has passed."""
    words.env.update((await stage.customer()).env)
    body = {"url": stage.receiver_url, "retry_schedule_s": [3600]}
    await stage.ask(words, "POST", "/webhooks/register", body)
    await stage.send(words)
    words.ids["dlv_abc123"] = (await stage.ask(words, "GET", "/deliveries"))["items"][0]["id"]


async def replay(stage: Stage, words: Words) -> None:
    """Of a delivery that has arrived: without any a replay is done at once."""
    await event(stage, words)
    async with asyncio.timeout(30):
        while True:
            arrived = await stage.ask(words, "GET", "/deliveries?status=delivered")
            if arrived["items"]:
                break
            await asyncio.sleep(0.02)
    path, body = f"/webhooks/{words.ids['we_abc123']}/replay", {"status": "delivered"}
    words.ids["rpl_abc123"] = (await stage.ask(words, "POST", path, body))["id"]


async def paused_replay(stage: Stage, words: Words) -> None:
    await replay(stage, words)
    await stage.ask(words, "POST", f"/replays/{words.ids['rpl_abc123']}/pause")


async def signed_in(stage: Stage, words: Words) -> None:
    """A person with the browser's cookie."""
    email = f"person{stage.number()}@example.com"
    await member(stage.gateway, email)
    browser = new_browser(stage.gateway)
    await browser.sign_in(email)
    words.env["COOKIE"] = f"topup_session={browser.session}"


async def operator(stage: Stage, words: Words) -> None:
    words.env["KEY"] = stage.boss.key
    words.ids["acc_abc123"] = stage.boss.account_id
    words.ids |= {"scale": f"scale{stage.number()}", "SUMMER": f"SUMMER{stage.number()}"}


async def live(stage: Stage, words: Words) -> None:
    words.env["KEY"] = await stage.gateway.key(await stage.gateway.account(), "live")


async def app_code(stage: Stage, words: Words) -> None:
    agreed = await agree(stage.gateway, email=f"user{stage.number()}@example.com")
    words.ids |= {
        "app_abc123": agreed.app.id,
        "secret_abc123": agreed.secret,
        "7Q3X9KVM2C8RT5WA": await agreed.code(),
    }


async def app_token(stage: Stage, words: Words) -> None:
    agreed = await agree(stage.gateway, email=f"user{stage.number()}@example.com")
    words.env["KEY"] = await agreed.token()


async def nothing(_stage: Stage, _words: Words) -> None:
    """A key alone."""
