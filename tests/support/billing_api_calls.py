"""Callers of the Billing API at a running gateway: an account, and who administers."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from billing.proof.audit import audit
from keys.account import set_operator
from keys.tokens import access_token
from store.database import Transaction
from tests.support.dialect_calls import bearer, decide
from tests.support.gateway import Gateway
from worker.money.due import Renewer

PLAN = {
    "id": "plan-id",
    "name": "Pro",
    "description": "For growing teams",
    "price_monthly": 999,
    "price_yearly": 9990,
    "credits_included": 10000,
    "features": ["Unlimited AI chat", "Priority support"],
}


@dataclass(frozen=True, slots=True)
class Caller:
    """One credential's calls of the dialect; each answer's HTTP status is looked at."""

    gateway: Gateway
    account_id: str
    key: str

    async def call(
        self, method: str, path: str, *, status: int = 200, once: str = "", **arguments: Any
    ) -> Any:
        """The `data`, or of a refusal the `error`."""
        answer = await self.ask(method, path, once=once, **arguments)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["success"] is (status < 400)
        return body["data"] if status < 400 else body["error"]

    async def ask(
        self, method: str, path: str, *, once: str = "", **arguments: Any
    ) -> httpx.Response:
        headers = {**bearer(self.key), **({"Idempotency-Key": once} if once else {})}
        return await self.gateway.client.request(method, path, headers=headers, **arguments)

    async def balance(self) -> int:
        return int((await self.call("GET", "/credits/balance"))["balance"])

    async def subscribe(self, plan_id: str = "plan-id", **more: Any) -> dict[str, Any]:
        """A plan, paid at the sandbox's page."""
        body = {"channel": "stripe", "type": "subscription", "plan_id": plan_id, **more}
        made = await self.call("POST", "/payment/create-session", json=body)
        await decide(self.gateway, made["url"])
        return dict(made)

    async def portal(self) -> str:
        """The path of the portal's page."""
        made = await self.call(
            "POST", "/subscription/portal", json={"return_url": "https://example.com/back"}
        )
        parts = urlsplit(made["url"])
        return f"{parts.path}?{parts.query}"

    async def press(self, action: str, **fields: str) -> str:
        """A button of the portal, and the text of the page after it."""
        path = await self.portal()
        pressed = await self.gateway.client.post(path, data={"action": action, **fields})
        assert pressed.status_code == 303, pressed.text
        return (await self.gateway.client.get(pressed.headers["location"])).text

    async def advance(self, days: float) -> None:
        """The account's clock moves on, and the worker looks."""
        body = {"advance_s": int(days * 86_400)}
        answer = await self.gateway.call("POST", "/sandbox/clock", key=self.key, json=body)
        assert answer.status_code == 200, answer.text
        context = self.gateway.context
        renewer = Renewer(context.database, context.clock, context.engine, context.payments)
        await renewer.step()

    async def plan(self) -> dict[str, Any]:
        """The plan, as another dialect shows it."""
        answer = await self.ask("GET", "/api/billing/subscription")
        return dict(answer.json())


async def customer(gateway: Gateway, email: str = "me@example.com") -> Caller:
    account_id = await gateway.account(email=email)
    return Caller(gateway, account_id, await gateway.key(account_id))


async def administrator(gateway: Gateway) -> Caller:
    """An operator token of staging, as the command line makes it."""
    account_id = await gateway.account(email="boss@example.com")

    async def work(tx: Transaction) -> str:
        await set_operator(tx, account_id, is_operator=True)
        _, secret = await access_token.create(
            tx,
            kind="operator",
            account_id=account_id,
            environment="staging",
            name="Test",
            maker=None,
            now_us=gateway.context.clock.now_us(),
        )
        return secret

    return Caller(gateway, account_id, await gateway.context.database.transaction(work))


async def sold(gateway: Gateway, **changes: Any) -> Caller:
    """The administrator, who sells the seed's plan."""
    boss = await administrator(gateway)
    await boss.call("POST", "/admin/billing/plans", status=201, json={**PLAN, **changes})
    return boss


async def findings(gateway: Gateway) -> list[Any]:
    return [finding async for finding in audit(gateway.context.database)]
