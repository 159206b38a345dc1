"""The operator's name, logo and colour on the five pages of a merchant's customers, and on their mail."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from pypdf import PdfReader

from billing.documents.receipt_letter import RECEIPT_PATH
from billing.recipients.letter import Letter, letter_of
from billing.topups import topup
from kernel.clock import FixedClock
from store.database import Transaction
from tests.gateway.dashboard.test_plans import PLAN, led_to, sold, subscribed
from tests.support.browser import signed_in
from tests.support.selling_gateway import Store, open_store

pytestmark = pytest.mark.one_database

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7"/></svg>'
BRAND = {"brand_name": "Crema & Co", "brand_color": "#F59E0B"}
SHEETS = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
IMAGES = re.compile(r'(?:<img src|<link rel="icon" href)="([^"]+)"')


@pytest_asyncio.fixture
async def branded(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    path = tmp_path / "logo.svg"
    path.write_bytes(LOGO)
    given = {**BRAND, "brand_logo": str(path)}
    async with open_store(database_url, tmp_path, clock, **given) as opened:
        yield opened


@pytest_asyncio.fixture
async def plain(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def pages_of(store: Store) -> dict[str, str]:
    """The HTML of the checkout, the order's status, the portal and the claim page."""
    order = await store.order(provider="stripe", pack_id="pack_pro")
    await sold(store)
    ann = await signed_in(store.gateway)
    await subscribed(store, ann)
    paths = {
        "checkout": order["url"],
        "status": order["status_url"],
        "portal": led_to((await ann.send(f"{PLAN}/portal", {})).text),
        "claim": (await sent(store))["claim_url"],
    }
    found = {}
    for name, address in paths.items():
        split = urlsplit(address)
        answer = await store.gateway.client.get(f"{split.path}?{split.query}")
        assert answer.status_code == 200, name
        assert "img-src 'self'" in answer.headers["content-security-policy"]
        found[name] = answer.text
    return found


async def sent(store: Store) -> dict[str, Any]:
    body = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@mail.com"}
    answer = await store.gateway.call("POST", "/topup/send", key=store.key, json=body)
    path = f"/topup/status/{answer.json()['transaction_id']}"
    found = await store.gateway.call("GET", path, key=store.key)
    shown: dict[str, Any] = found.json()["data"]
    return shown | {"id": answer.json()["transaction_id"]}


async def letter(store: Store) -> Letter:
    topup_id = (await sent(store))["id"]

    async def work(tx: Transaction) -> topup.TopUp:
        return (await topup.load(tx, [topup_id]))[topup_id]

    context = store.gateway.context
    found = await context.database.read(work)
    return letter_of(found, "Ann", context.topup_rules)


async def test_each_page_shows_the_brand_with_no_file_more(branded: Store) -> None:
    for name, html in (await pages_of(branded)).items():
        assert '<p class="operator"><img src="/static/brand/logo.svg?v=' in html, name
        assert "<bdi>Crema &amp; Co</bdi></p>" in html, name
        assert " · Crema &amp; Co" in html.partition("</title>")[0], name
        assert "style=" not in html, name
        assert "<style" not in html, name
        (sheet,) = SHEETS.findall(html)
        # The icon is the logo: one file for both, beside the one style sheet.
        (image,) = set(IMAGES.findall(html))
        shown = await branded.gateway.client.get(image)
        assert shown.content == LOGO
        assert shown.headers["content-type"].startswith("image/svg+xml")
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        rules = await branded.gateway.client.get(sheet)
        assert ".primary { background: #f59e0b; color: #000000; }" in rules.text
        for file in (shown, rules):
            assert "immutable" in file.headers["cache-control"]


async def test_a_file_of_another_content_is_asked_for_again(branded: Store) -> None:
    client = branded.gateway.client

    for query in ("", "?v=000000000000"):
        answer = await client.get(f"/static/brand/logo.svg{query}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert (await client.get("/static/brand/logo.png")).status_code == 404


async def test_without_a_brand_the_pages_are_the_gateways_own(plain: Store) -> None:
    for name, html in (await pages_of(plain)).items():
        assert "operator" not in html, name
        assert "brand" not in html, name
        assert set(IMAGES.findall(html)) == {re.findall(r"/static/mark.svg\?v=\w+", html)[0]}
    assert (await plain.gateway.client.get("/static/brand/claim.css")).status_code == 404


async def test_a_receipt_by_its_link_is_headed_by_the_name(branded: Store) -> None:
    order = await branded.order()
    await branded.notify("paid", order["id"])
    await branded.gateway.call("GET", f"/orders/{order['id']}/receipt.pdf", key=branded.key)
    listed = await branded.gateway.call("GET", "/documents?kind=receipt", key=branded.key)
    document_id = listed.json()["data"]["items"][0]["id"]
    token = branded.gateway.context.topup_rules.links.token_of("receipt", document_id)

    answer = await branded.gateway.client.get(f"{RECEIPT_PATH}/{token}")

    printed = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert "Crema & Co" in printed


async def test_a_recipients_mail_has_the_name_and_the_colour(branded: Store) -> None:
    html = (await letter(branded)).html

    assert "Crema &amp; Co" in html
    assert "background:#f59e0b;color:#000000" in html
    assert "<img" not in html


async def test_without_a_brand_a_mail_has_our_colours(plain: Store) -> None:
    html = (await letter(plain)).html

    assert "background:#1d5fd0;color:#ffffff" in html
    assert 'style="color:#1d5fd0"' in html
