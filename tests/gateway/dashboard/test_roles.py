"""What a colleague's role refuses is not offered: no button and no link of any page ends at a refusal."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from gateway.dashboard.surface import DASHBOARD
from keys.principal import ROLE_SCOPES, MemberRole
from tests.support.browser import Browser, browser_account, signed_in
from tests.support.gateway import Gateway
from tests.support.operator_pages import fill

_ROLES: tuple[MemberRole, ...] = ("developer", "finance", "reader")
_FORM = r'<form[^>]* method="post" action="([^"]+)"[^>]*>(.*?)</form>'
_SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
# For everybody, whatever their role: their own session, language and choices.
_OWN = ("/dashboard/team", "/dashboard/account", "/dashboard/environment", "/dashboard/theme")


@pytest.mark.one_database
async def test_no_page_offers_a_colleague_what_their_role_refuses(gateway: Gateway) -> None:
    owner = await signed_in(gateway, "owner@acme.example", has_live=False)
    pages = await _with_all_that_is_shown(gateway, await browser_account(owner))
    found: set[tuple[str, str, str]] = set()

    for role in _ROLES:
        theirs = await _colleague(gateway, owner, role)
        menu = re.findall(r'<li><a href="(/dashboard[^"]*)"', (await theirs.get("/dashboard")).text)
        for path in {*menu, *pages}:
            shown = await theirs.request("GET", path)
            assert shown.status_code == 200, (role, path)
            found |= {(role, path, one) for one in _refused(shown.text, role)}

    assert found == set()


async def _with_all_that_is_shown(gateway: Gateway, account_id: str) -> list[str]:
    """A page each of what has buttons: top-ups in three states, an approval, a webhook and a delivery, a hold and a
    portal link.
    """
    key = await gateway.key(account_id, approval_threshold_cents=2000)
    hook = {"url": "http://93.184.216.34/in"}
    made = await gateway.call("POST", "/webhooks/register", key=key, json=hook)
    sent = [
        await gateway.call("POST", "/topup/send", key=key, json={**_SEND, **more})
        for more in ({}, {"recipient_email": "pending@sandbox.test"}, {"amount_cents": 2500})
    ]
    await gateway.call("POST", "/holds", key=key, json={"credits": 20, "description": "A chat"})
    await gateway.call("POST", "/portal-links", key=key, json={})
    deliveries = await gateway.call("GET", "/deliveries", key=key)
    return [
        "/dashboard/usage/holds",
        "/dashboard/portal-links",
        f"/dashboard/webhooks/{made.json()['data']['id']}",
        *(f"/dashboard/topups/{one.json()['transaction_id']}" for one in sent),
        f"/dashboard/approvals/{sent[2].json()['data']['approval']['id']}",
        f"/dashboard/deliveries/{deliveries.json()['data']['items'][0]['id']}",
    ]


async def _colleague(gateway: Gateway, owner: Browser, role: MemberRole) -> Browser:
    email = f"{role}@acme.example"
    invited = await fill(owner, "/dashboard/team", {"email": email, "role": role})
    token = invited.text.split("/invitation/")[1].split("<")[0]
    theirs = await signed_in(gateway, email, has_live=False)
    answer = await fill(theirs, f"/dashboard/invitation/{token}", {})
    assert answer.status_code == 303
    return theirs


def _refused(html: str, role: MemberRole) -> list[str]:
    """The links and forms between the page's head and foot that the role may not follow or send."""
    shown = html[html.index("<main") : html.index("</main>")]
    links = re.findall(r'<a[^>]* href="([^"]+)"', shown)
    # A form without a button shows what is set.
    forms = [
        action for action, inside in re.findall(_FORM, shown, re.DOTALL) if "<button" in inside
    ]
    asked = [("GET", one) for one in links] + [("POST", one) for one in forms]
    return [
        f"{method} {path}"
        for method, path in ((method, urlsplit(unescape(one)).path) for method, one in asked)
        if path.startswith("/dashboard/")
        and not path.startswith(_OWN)
        and not _may(role, method, path)
    ]


def _may(role: MemberRole, method: str, path: str) -> bool:
    below = path.removeprefix("/dashboard")
    for route in DASHBOARD.routes:
        pattern = re.sub(r"\{\w+\}", "[^/]+", route.path)
        if route.method == method and re.fullmatch(pattern, below):
            return not ROLE_SCOPES[role].isdisjoint(route.scopes)
    return False
