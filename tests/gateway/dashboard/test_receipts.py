"""Receipts by the pages: buttons lead to a PDF, whom it names is typed in, and the months add up."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.browser import csrf_of, signed_in, text_of
from tests.support.gateway import API
from tests.support.operator_pages import ADMIN, operator
from tests.support.selling_gateway import Store, open_store


@pytest_asyncio.fixture
async def store(tmp_path: Path, sqlite_template: Path, clock: FixedClock) -> AsyncIterator[Store]:
    database = tmp_path / "topup.db"
    database.write_bytes(sqlite_template.read_bytes())
    async with open_store(f"sqlite:///{database}", tmp_path, clock) as opened:
        yield opened


async def test_billing_details_are_typed_in_on_the_accounts_page(store: Store) -> None:
    browser = await signed_in(store.gateway)
    path = "/dashboard/account"
    fields = {
        "csrf_token": csrf_of((await browser.get(path)).text),
        "environment": "staging",
        "name": "Buyer Ltd",
        "address": "Road 2\r\nLondon",
        "tax_id": "GB9",
    }

    saved = await browser.send(f"{path}/billing", fields)
    refused = await browser.send(f"{path}/billing", {**fields, "tax_id": "9" * 61})

    assert saved.headers["location"] == f"{path}?said=billing-set"
    assert 'value="Buyer Ltd"' in (await browser.get(path)).text
    assert refused.status_code == 422
    # What was typed is there to be mended.
    assert f'value="{"9" * 61}"' in refused.text
    assert "Write at most 60 characters" in text_of(refused.text)


async def test_the_statement_leads_to_its_pdf(store: Store) -> None:
    browser = await signed_in(store.gateway)

    shown = (await browser.get("/dashboard/statement")).text

    assert "format=pdf" in shown


async def test_the_operator_sees_what_came_in_and_what_is_held(store: Store) -> None:
    order = await store.order()
    await store.notify("paid", order["id"])
    boss = await operator(store.gateway)

    shown = text_of((await boss.get(f"{ADMIN}/revenue")).text)
    credit = text_of((await boss.get(f"{ADMIN}/outstanding")).text)
    wrong = await boss.get(f"{ADMIN}/revenue?from=2026-06-14&to=2026-06-13")

    assert "2026-06 toypay 1 20.00 USD 0.00 USD 0.00 USD 20.00 USD 0.00 USD 0 " in shown
    # Test credit of $10,000.00 for each of two accounts, and an order of $20.00.
    assert "$20,020.00" in credit
    assert wrong.status_code == 422


async def test_documents_stand_on_their_page_and_on_the_orders(store: Store) -> None:
    ann, boss = await signed_in(store.gateway), await operator(store.gateway)
    bought = await ann.send("/dashboard/buy", {"pack": "pack_pro", "provider": "toypay"})
    order = bought.headers["location"].removesuffix("/pay")
    await store.notify("paid", order.rpartition("/")[2])
    await ann.get(f"{API}/orders/{order.rpartition('/')[2]}/receipt.pdf")

    shown = (await ann.get("/dashboard/documents")).text
    noted = await ann.get("/dashboard/documents?kind=credit_note&dated_after=2026-06-01")
    wrong = await ann.get("/dashboard/documents?dated_after=yesterday")
    older = await ann.get("/dashboard/documents?months_before=2026-06")
    all_of_them = (await boss.get(f"{ADMIN}/documents?number=TEST-R-2026-000001")).text

    assert "TEST-R-2026-000001 Receipt" in text_of(shown)
    pdf = re.search(rf'href="({API}/documents/doc_[0-9A-Za-z]+/pdf)"', shown)
    assert pdf is not None
    assert (await ann.get(pdf[1])).headers["content-type"] == "application/pdf"
    assert pdf[1] in (await ann.get(order)).text
    assert "month=2026-06&amp;format=pdf" in shown
    assert "month=" not in older.text
    assert "Nothing matches these filters" in noted.text
    # A filter that is wrong is told, and nothing is listed.
    assert "dated_after" in wrong.text
    assert "TEST-R-" not in text_of(wrong.text)
    by_link = store.gateway.context.topup_rules.links.token_of("receipt", pdf[1].split("/")[-2])
    stranger = await store.gateway.client.get(f"/receipts/{by_link}")
    guessed = await store.gateway.client.get(f"/receipts/{by_link[:-4]}AAAA")
    assert (stranger.content, guessed.status_code) == ((await ann.get(pdf[1])).content, 404)
    assert stranger.headers["x-robots-tag"] == "noindex, nofollow"
    assert "Receipt TEST-R-2026-000001" in text_of((await ann.get("/dashboard/outbox")).text)
    theirs = pdf[1].replace(API, ADMIN)
    assert theirs in all_of_them
    assert (await boss.get(theirs)).content == (await ann.get(pdf[1])).content
    assert theirs in (await boss.get(f"{ADMIN}/orders/{order.rpartition('/')[2]}")).text
    assert [
        (await one.get(theirs.replace("doc_", "doc_0"))).status_code for one in (boss, ann)
    ] == [
        404,
        403,
    ]
