"""A gateway that sells, with people at its pages: a buyer, and an operator."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx

from keys.account import set_operator
from keys.principal import Environment
from tests.support.browser import Browser, csrf_of, signed_in
from tests.support.gateway import Gateway

ADMIN = "/dashboard/admin"


async def operator(gateway: Gateway, email: str = "boss@example.com") -> Browser:
    """The browser of an account whose credentials may carry `admin`."""
    browser = await signed_in(gateway, email)
    account_id = await account_of(browser)
    await gateway.context.database.transaction(
        lambda tx: set_operator(tx, account_id, is_operator=True)
    )
    # What was known of the session before is forgotten with its token.
    for world in ("live", "staging"):
        await switch(browser, world)
    return browser


async def switch(browser: Browser, environment: str) -> None:
    answer = await browser.send("/dashboard/environment", {"to": environment})
    assert answer.status_code == 303


async def account_of(browser: Browser) -> str:
    assert browser.session is not None
    found = await browser.gateway.context.authenticator.authenticate(browser.session)
    return found.account_id


async def environment_of(browser: Browser) -> Environment:
    assert browser.session is not None
    return (await browser.gateway.context.authenticator.authenticate(browser.session)).environment


async def fill(
    browser: Browser, page: str, fields: Mapping[str, Any], *, to: str = ""
) -> httpx.Response:
    """The page's own form filled in and sent without any header of a browser's: its token counts.

    to: where the form goes, below the page; empty: to the page itself.
    """
    path = urlsplit(page).path + to
    shown = rf'<form[^>]*method="post" action="{re.escape(path)}"[^>]*>.*?</form>'
    form = re.search(shown, (await browser.get(page)).text, re.DOTALL)
    if form is None:
        # A long form has a page of its own.
        own = (await browser.get(page.replace("/admin/", "/admin/new/"))).text
        form = re.search(shown, own, re.DOTALL)
    assert form is not None, f"{page} has no form of its own"
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0])
    given = {unescape(name): unescape(value) for name, value in hidden}
    return await browser.send(path, {**given, **fields}, headers={})


async def press(browser: Browser, page: str, action: str, **fields: str) -> httpx.Response:
    """Presses the page's button whose form goes to that path."""
    html = (await browser.get(page)).text
    path = re.search(rf'action="({re.escape(action)}[^"]*)"', html)
    assert path is not None, f"no form of {action} on {page}"
    return await browser.send(
        unescape(path[1]), {"csrf_token": csrf_of(html), **fields}, headers={}
    )
