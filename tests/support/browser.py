"""A person's browser without scripts: it keeps cookies, says where a form came from, follows links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
from argon2 import PasswordHasher

from billing.credits.opening import open_account
from kernel.clock import SystemClock
from keys import session
from keys.account import set_password_hash
from store.database import Transaction
from store.open import open_database
from tests.support.gateway import Gateway
from tests.support.installation import Installation

PASSWORD = "correct horse battery"
# A hash says itself what checking it costs; where that is the promise, tests use one of the gateway's.
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True, slots=True)
class Browser:
    """One person's browser at one gateway; its requests share the gateway's client."""

    gateway: Gateway
    cookies: dict[str, str] = field(default_factory=dict)

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> httpx.Response:
        """One request with the cookies kept so far, and no more than that."""
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {**(headers or {}), **({"Cookie": kept} if kept else {})}
        answer = await self.gateway.client.request(method, path, headers=given, **arguments)
        self.gateway.client.cookies.clear()
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        return answer

    async def get(self, path: str) -> httpx.Response:
        """The page that a link leads to, redirects followed."""
        answer = await self.request("GET", path)
        while answer.status_code == 303:
            answer = await self.request("GET", answer.headers["location"])
        return answer

    async def send(
        self, path: str, fields: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A form as a browser sends it from one of the gateway's own pages."""
        given = {"Origin": self.gateway.url} if headers is None else headers
        return await self.request("POST", path, given, data=fields)

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await self.send("/sign-in", {"email": email, "password": password})

    @property
    def session(self) -> str | None:
        return self.cookies.get("topup_session")


def new_browser(gateway: Gateway) -> Browser:
    return Browser(gateway)


async def member(gateway: Gateway, email: str, *, has_live: bool = True) -> str:
    """An account whose password is PASSWORD; without has_live, live is closed as after a sign-up."""
    account_id = await gateway.account(email=email, has_live=has_live)
    await gateway.context.database.transaction(lambda tx: set_password_hash(tx, account_id, _HASH))
    return account_id


async def signed_in(
    gateway: Gateway, email: str = "ann@example.com", *, has_live: bool = True
) -> Browser:
    """The browser of a new account's owner, its session begun without the form's slow hash."""
    account_id = await member(gateway, email, has_live=has_live)
    _, token = await gateway.context.database.transaction(
        lambda tx: session.begin(
            tx, account_id=account_id, user_agent="test", now_us=gateway.context.clock.now_us()
        )
    )
    return Browser(gateway, {"topup_session": token})


async def member_at(installation: Installation, email: str, *, has_live: bool = False) -> str:
    """A new account at real processes, as after a sign-up, with PASSWORD; its owner's session token."""
    now_us = SystemClock().now_us()

    async def work(tx: Transaction) -> str:
        account_id = await open_account(
            tx, name="Ann's shop", email=email, now_us=now_us, has_live=has_live
        )
        await set_password_hash(tx, account_id, _HASH)
        _, token = await session.begin(tx, account_id=account_id, user_agent="test", now_us=now_us)
        return token

    database = open_database(installation.database_url)
    try:
        return await database.transaction(work)
    finally:
        await database.close()


def csrf_of(html: str) -> str:
    """The token in the page's forms."""
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', html)
    assert found is not None, "the page has no form"
    return found[1]


def text_of(html: str) -> str:
    """What a reader sees, roughly."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


async def in_live(browser: Browser) -> Browser:
    """The same browser, after its person switched to live."""
    answer = await browser.send("/dashboard/environment", {"to": "live"})
    assert answer.status_code == 303, text_of(answer.text)
    return browser


async def browser_account(browser: Browser) -> str:
    """The account of the one person who is signed in."""
    rows = await browser.gateway.context.database.read(
        lambda tx: tx.fetch("SELECT account_id FROM sessions")
    )
    return str(rows[0]["account_id"])
