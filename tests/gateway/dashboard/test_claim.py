"""The claim page: what its reader sees in each state and language, and that one press claims once."""

import re
from html import unescape
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from billing.topups.fulfilment import Settle
from billing.topups.topup import Deliverable
from kernel.tenant import Tenant
from keys.notifications import people_of
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

KINDS = {
    "code": Deliverable(
        "code", "GIFT-1234-5678-9012", "https://redeem.acme.com/in", "Open the app."
    ),
    "key": Deliverable("key", "sk-or-v1-0123456789abcdef"),
    "link": Deliverable(
        "link", "https://acme.com/r/0123456789abcdef", None, None, 1_812_888_000_000_000
    ),
    "note": Deliverable("note", "Ask for Ana\nat the desk."),
    "credit": Deliverable("credit"),
}


def text_of(html: str) -> str:
    """What a person reads."""
    body = html.partition("<body>")[2]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


class Sender:
    """An account that sends; its top-ups' pages."""

    def __init__(self, gateway: Gateway, account_id: str, key: str) -> None:
        self.gateway = gateway
        self.account_id = account_id
        self.key = key

    async def send(self, to: str = "user@mail.com", **more: Any) -> str:
        """The id of a top-up of $10.00."""
        body = {"platform": "claude", "amount_cents": 1000, "recipient_email": to, **more}
        answer = await self.gateway.call("POST", "/topup/send", key=self.key, json=body)
        assert answer.json()["success"], answer.text
        return str(answer.json()["transaction_id"])

    async def status(self, topup_id: str, key: str | None = None) -> dict[str, Any]:
        found = await self.gateway.call("GET", f"/topup/status/{topup_id}", key=key or self.key)
        return cast(dict[str, Any], found.json()["data"])

    async def path(self, topup_id: str) -> str:
        return str(urlsplit((await self.status(topup_id))["claim_url"]).path)

    async def events(self) -> list[dict[str, Any]]:
        listed = await self.gateway.call("GET", "/events?type=topup.claimed", key=self.key)
        return list(listed.json()["data"]["items"])


async def sender_at(gateway: Gateway) -> Sender:
    account_id = await gateway.account()
    return Sender(gateway, account_id, await gateway.key(account_id))


async def test_a_look_shows_who_sent_what_and_nothing_that_can_be_spent(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    said = {"message": "Happy birthday!\n<b>Ana</b>"}
    topup_id = await sender.send(delivery=said)
    code = (await sender.status(topup_id))["voucher_code"]

    page = await gateway.client.get(await sender.path(topup_id))

    shown = text_of(page.text)
    assert "Test sent you $10.00 for Claude." in shown
    assert "Message from Test: Happy birthday! <b>Ana</b> Show it" in shown
    assert "&lt;b&gt;Ana&lt;/b&gt;" in page.text
    assert code not in page.text
    assert "<script" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["cache-control"] == "no-store"
    assert await sender.events() == []
    assert (await sender.status(topup_id))["claimed_at"] is None


async def test_a_press_shows_the_code_and_is_told_once(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    topup_id = await sender.send()
    path, code = await sender.path(topup_id), (await sender.status(topup_id))["voucher_code"]

    pages = [await gateway.client.post(path) for _ in range(3)]

    assert [code in page.text for page in pages] == [True] * 3
    assert "<svg" in pages[0].text
    [event] = await sender.events()
    assert event["data"]["transaction_id"] == topup_id
    assert event["data"]["claimed_at"] == (await sender.status(topup_id))["claimed_at"] is not None


async def test_a_voucher_that_was_used_says_so(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    topup_id = await sender.send()
    code = (await sender.status(topup_id))["voucher_code"]
    await gateway.call("POST", "/vouchers/redeem", key=sender.key, json={"code": code})

    page = await gateway.client.post(await sender.path(topup_id))

    assert "This code was used on" in page.text


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_is_handed_out_with_how_to_use_it(gateway: Gateway, kind: str) -> None:
    sender = await sender_at(gateway)
    topup_id = await sender.send(to="pending@sandbox.test")
    path = await sender.path(topup_id)
    waiting = await gateway.client.post(path)
    given = KINDS[kind]
    tenant = Tenant(sender.account_id, "staging")
    await gateway.context.engine.submit(Settle(topup_id, tenant, "delivered", given=given))

    page = await gateway.client.post(path)

    assert "The delivery isn't finished yet." in text_of(waiting.text)
    shown = text_of(page.text)
    words = {
        "code": "Enter this code at Claude. Open the app. Go to redeem.acme.com",
        "key": "Treat the key like a password.",
        "link": "Open the link",
        "note": "Ask for Ana at the desk.",
        "credit": "You don't need to enter anything.",
    }
    assert words[kind] in shown
    assert (given.value or "The credit is already in your") in page.text
    assert ("June 13, 2027" in shown) is (kind == "link")
    assert ("Scan this QR code with another device" in shown) is (kind in {"code", "key", "link"})


async def test_what_was_called_off_has_nothing_to_press(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    cancelled = await sender.send(to="pending@sandbox.test")
    path = await sender.path(cancelled)
    body = {"transaction_id": cancelled}
    await gateway.call("POST", "/topup/cancel", key=sender.key, json=body)

    page = await gateway.client.post(path)

    assert "This delivery was cancelled" in page.text
    assert "<form" not in page.text
    assert await sender.events() == []


async def test_an_address_that_was_never_given_out_is_like_any_other(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    path = await sender.path(await sender.send())
    wrong = [path[:-1] + ("A" if path[-1] != "A" else "Q"), "/claim/x", "/claim/" + "A" * 22]
    wrong += [path.replace("/claim/", "/no-mail/")]

    looks = [await gateway.client.get(one) for one in wrong]
    presses = [await gateway.client.post(one) for one in wrong]

    assert {answer.status_code for answer in (*looks, *presses)} == {404}
    texts = {look.text.replace(one, "") for look, one in zip(looks, wrong, strict=True)}
    assert len(texts) == 1


async def test_the_link_is_for_those_who_may_see_the_code(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    topup_id = await sender.send()
    reader = await gateway.key(sender.account_id, scopes=("topup:read",))
    other = await gateway.key(sender.account_id, scopes=("topup:read", "vouchers:read"))

    assert (await sender.status(topup_id, reader))["claim_url"] is None
    seen = (await sender.status(topup_id, other))["claim_url"]
    assert seen == (await sender.status(topup_id))["claim_url"] is not None
    listed = await gateway.call("GET", "/topup/history", key=reader)
    assert [one["claim_url"] for one in listed.json()["data"]["items"]] == [None]


@pytest.mark.parametrize(
    ("locale", "accept", "chosen", "query", "tag"),
    [
        (None, "es-MX,en;q=0.5", "", "", "es"),
        ("ar", "es", "xx", "", "ar"),
        ("zh-Hans", "es", "", "?lang=en", "en"),
        ("fr", "", "", "", "en"),
        (None, "de", "", "?lang=<x>", "en"),
        # Chosen for the gateway's other pages, by the button in their bar.
        ("zh-Hans", "es", "ar", "", "ar"),
        ("zh-Hans", "es", "ar", "?lang=es", "es"),
    ],
)
async def test_the_page_speaks_the_recipients_language(
    gateway: Gateway, locale: str | None, accept: str, chosen: str, query: str, tag: str
) -> None:
    sender = await sender_at(gateway)
    delivery = None if locale is None else {"locale": locale}
    path = await sender.path(await sender.send(delivery=delivery))

    page = await gateway.client.get(
        path + query,
        headers={"Accept-Language": accept, "Cookie": f"topup_language={chosen}"},
    )

    direction = "rtl" if tag == "ar" else "ltr"
    assert f'<html lang="{tag}" dir="{direction}">' in page.text


async def test_whoever_wants_no_mail_says_so_once_and_may_come_back(gateway: Gateway) -> None:
    sender = await sender_at(gateway)
    topup_id = await sender.send()
    links = gateway.context.topup_rules.links
    path = f"/no-mail/{links.token_of('mail', topup_id)}"

    before = await gateway.client.get(path)
    # As mail programs do it (RFC 8058).
    one_click = await gateway.client.post(path, data={"List-Unsubscribe": "One-Click"})
    after = await gateway.client.get(path)
    again = await gateway.client.post(path, data={"want": "mail"})

    assert "Emails to u…@mail.com" in text_of(before.text)
    assert "user@mail.com" not in before.text
    assert one_click.status_code == 200
    assert "no longer sends email to this address" in after.text
    assert "no longer sends email to this address" not in again.text


async def test_an_owner_ends_one_kind_of_mail_without_signing_in_and_allows_it_again(
    gateway: Gateway,
) -> None:
    account_id, other_id = await gateway.account(), await gateway.account()
    database = gateway.context.database
    await database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET email = :email WHERE id = :id", email="ann@shop.com", id=account_id
        )
    )
    links = gateway.context.topup_rules.links
    path = f"/no-mail/{links.token_of('no_approval', account_id)}"

    async def wanted(of: str = account_id) -> tuple[bool, bool, bool]:
        owner = (await database.read(lambda tx: people_of(tx, [of])))[of][0].wanted
        return "expiring" in owner, "receipt" in owner, "approval" in owner

    before = await gateway.client.get(path)
    assert await wanted() == (True, True, True)
    # As mail programs do it (RFC 8058), and whatever else a program may post.
    one_click = await gateway.client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert await wanted() == (True, True, False)
    repeated = await gateway.client.post(path, content=b"\xff", headers={"Content-Type": "x/y"})
    after = await gateway.client.get(f"{path}?lang=es")
    assert await wanted() == (True, True, False)
    again = await gateway.client.post(path, data={"want": "mail"})
    assert await wanted() == (True, True, True)
    await gateway.client.post(f"/no-mail/{links.token_of('no_receipt', account_id)}")
    assert await wanted() == (True, False, True)
    await gateway.client.post(f"/no-mail/{links.token_of('no_expiring', account_id)}")
    assert await wanted() == (False, False, True)

    assert "Emails to a…@shop.com" in text_of(before.text)
    assert "ann@shop.com" not in before.text
    assert "You get emails of this kind: sends that need your decision." in text_of(before.text)
    assert (one_click.status_code, repeated.status_code) == (200, 200)
    assert "Ya no recibes correos de este tipo: envíos que esperan tu decisión" in text_of(
        after.text
    )
    assert "You get emails of this kind" in text_of(again.text)
    noted = await database.read(
        lambda tx: tx.fetch(
            "SELECT actor_kind, after FROM audit_log WHERE account_id = :id ORDER BY id",
            id=account_id,
        )
    )
    # Pressed twice, it is noted once.
    assert [row["actor_kind"] for row in noted] == ["visitor"] * 4
    # Of an account without an address nobody reads mail.
    nobody = f"/no-mail/{links.token_of('no_receipt', other_id)}"
    assert (await gateway.client.post(nobody)).status_code == 404
    assert await wanted(other_id) == (True, True, True)
