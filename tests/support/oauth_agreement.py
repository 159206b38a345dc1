"""An app, its owner and a user at a running gateway, and the vendor's calls as apps make them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.oauth import app as oauth_app, grant as oauth_code
from keys.oauth.app import NewApp, OAuthApp
from keys.principal import Environment
from store.database import Transaction
from tests.support.gateway import Gateway
from tests.support.sign_ins import begin_sign_in

REDIRECT = "https://app.example.com/cb"


@dataclass(frozen=True, slots=True)
class Agreement:
    """The gateway with one app; its user consents when a code is asked for."""

    gateway: Gateway
    owner_id: str
    user_id: str
    app: OAuthApp
    secret: str

    async def code(self, **fields: Any) -> str:
        """A code of this user's consent."""
        context = self.gateway.context
        given = {"redirect_uri": REDIRECT, "challenge": None, **fields}

        async def work(tx: Transaction) -> str:
            await lock_tenants(tx, [Tenant(self.user_id, self.app.environment)])
            now_us = context.clock.now_us()
            session_id = await begin_sign_in(tx, self.user_id, now_us=now_us)
            return await oauth_code.issue_code(
                tx, self.app, self.user_id, session_id=session_id, now_us=now_us, **given
            )

        return await context.database.transaction(work)

    async def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A form to a path below /api/v1, with the token as its credential."""
        given = dict(headers or {})
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        return await self.gateway.client.post(f"/api/v1{path}", data=fields, headers=given)

    async def issue(self, **fields: str) -> httpx.Response:
        """The exchange of a code, with the app's own credentials unless others are given."""
        given = {"client_id": self.app.id, "client_secret": self.secret, **fields}
        return await self.post("/user/oauth/issue-token", given)

    async def token(self) -> str:
        answer = await self.issue(code=await self.code())
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["token"])


async def agree(
    gateway: Gateway,
    *,
    environment: Environment = "staging",
    email: str = "user@example.com",
    owner_id: str | None = None,
    user_id: str | None = None,
    **app: Any,
) -> Agreement:
    """A fresh app of a fresh owner; both wallets hold $10,000.00 in staging."""
    owner_id = owner_id or await gateway.account()
    user_id = user_id or await gateway.account(email=email)
    new = NewApp(
        **{
            "name": "Wiki bot",
            "redirect_host": "app.example.com",
            "scope": "trusted_advanced_access",
            **app,
        }
    )
    context = gateway.context
    made, secret = await context.database.transaction(
        lambda tx: oauth_app.create(
            tx, Tenant(owner_id, environment), new, now_us=context.clock.now_us()
        )
    )
    return Agreement(gateway, owner_id, user_id, made, secret)


def refused(answer: httpx.Response, status: int, error_type: str) -> dict[str, Any]:
    body = answer.json()
    assert answer.status_code == status, answer.text
    assert list(body) == ["statusCode", "message", "errorType", "data"]
    assert (body["statusCode"], body["errorType"], body["data"]) == (status, error_type, None)
    assert body["message"]
    return dict(body)


async def cents(gateway: Gateway, account_id: str) -> int:
    key = await gateway.key(account_id)
    answer = await gateway.call("GET", "/topup/balance", key=key)
    return int(answer.json()["data"]["balance_cents"])
