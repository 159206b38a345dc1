"""Receipts by API: of whom, numbered when, with what on them."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from pypdf import PdfReader

from kernel.clock import FixedClock
from tests.support.selling_gateway import Store, open_store

ANYBODY = {"seller_name": "Acme GmbH", "seller_address": "Weg 1|10115 Berlin"}


@pytest_asyncio.fixture
async def store(tmp_path: Path, sqlite_template: Path, clock: FixedClock) -> AsyncIterator[Store]:
    database = tmp_path / "topup.db"
    database.write_bytes(sqlite_template.read_bytes())
    async with open_store(f"sqlite:///{database}", tmp_path, clock, **ANYBODY) as opened:
        yield opened


async def call(store: Store, method: str, path: str, **sent: Any) -> Any:
    return await store.gateway.call(method, path, key=sent.pop("key", store.key), **sent)


def words(body: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages)


async def test_a_receipt_is_there_as_soon_as_it_is_paid(store: Store) -> None:
    await call(
        store,
        "PUT",
        "/billing/details",
        key=await store.gateway.key(store.account_id, environment="live"),
        json={"name": "Buyer Ltd", "address": "Road 2\nLondon", "tax_id": "GB9"},
    )
    order = await store.order()
    early = await call(store, "GET", f"/orders/{order['id']}/receipt.pdf")
    await store.notify("paid", order["id"])

    answer = await call(store, "GET", f"/orders/{order['id']}/receipt.pdf")

    assert (early.status_code, early.json()["code"]) == (404, 3003)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="TEST-R-2026-000001.pdf"' in answer.headers["content-disposition"]
    for shown in ("Acme GmbH", "10115 Berlin", "Buyer Ltd", "Road 2", "GB9", "20.00 USD"):
        assert shown in words(answer.content)
    again = await call(store, "GET", "/documents/TEST-R-2026-000001/pdf")
    assert again.content == answer.content


async def test_a_refund_makes_a_credit_note_that_the_order_lists(store: Store) -> None:
    order = await store.order()
    await store.notify("paid", order["id"])
    await call(store, "GET", f"/orders/{order['id']}/receipt.pdf")
    await store.notify("refunded", order["id"], amount=500)
    another = await store.order()
    await store.notify("paid", another["id"])
    # Whoever asks for any receipt numbers what is due.
    await call(store, "GET", f"/orders/{another['id']}/receipt.pdf")

    listed = await call(store, "GET", f"/orders/{order['id']}/credit-notes")

    (note,) = listed.json()["data"]["items"]
    assert {name: note[name] for name in ("kind", "number", "amount", "currency", "corrects")} == {
        "kind": "credit_note",
        "number": "TEST-CN-2026-000001",
        "amount": 500,
        "currency": "USD",
        "corrects": "TEST-R-2026-000001",
    }
    printed = await store.gateway.client.get(
        note["pdf_url"], headers={"Authorization": f"Bearer {store.key}"}
    )
    assert "Credit note" in words(printed.content)
    kinds = await call(store, "GET", "/documents?kind=receipt")
    assert len(kinds.json()["data"]["items"]) == 2


async def test_another_accounts_documents_are_not_there(store: Store) -> None:
    order = await store.order()
    await store.notify("paid", order["id"])
    await call(store, "GET", f"/orders/{order['id']}/receipt.pdf")
    stranger = await store.gateway.key(await store.gateway.account(email="other@example.com"))

    paths = (
        f"/orders/{order['id']}/receipt.pdf",
        f"/orders/{order['id']}/credit-notes",
        "/documents/TEST-R-2026-000001/pdf",
    )
    found = [(await call(store, "GET", path, key=stranger)).status_code for path in paths]

    assert found == [404, 404, 404]
    assert (await call(store, "GET", "/documents", key=stranger)).json()["data"]["items"] == []


async def test_a_staging_key_does_not_say_whom_live_receipts_name(store: Store) -> None:
    refused = await call(store, "PUT", "/billing/details", json={"name": "Somebody else"})
    shown = await call(store, "GET", "/billing/details")

    assert (refused.status_code, refused.json()["code"]) == (403, 2009)
    assert refused.json()["data"]["error"]["reason"] == "live_key_needed"
    assert shown.json()["data"]["name"] == ""


async def test_details_that_are_too_long_are_refused(store: Store) -> None:
    live = await store.gateway.key(store.account_id, environment="live")
    too_long = {"address": "\n".join("123456789")}
    answer = await call(store, "PUT", "/billing/details", key=live, json=too_long)

    assert (answer.status_code, answer.json()["code"]) == (422, 2007)
    assert answer.json()["data"]["error"]["param"] == "address"


async def test_a_month_is_printed_and_a_month_with_a_time_is_refused(store: Store) -> None:
    answer = await call(store, "GET", "/topup/statement?format=pdf&month=2026-06")
    both = await call(store, "GET", "/topup/statement?month=2026-06&from=2026-06-01T00:00:00Z")

    text = words(answer.content)
    assert "2026-06-01" in text
    assert "Opening balance" in text
    assert "10,000.00 USD" in text
    assert both.status_code == 422


async def test_a_month_without_a_movement_adds_up_to_nothing(store: Store) -> None:
    answer = await call(store, "GET", "/topup/statement?month=2026-01")
    printed = await call(store, "GET", "/topup/statement?month=2026-01&format=pdf")

    told = answer.json()["data"]
    assert {name: told[name] for name in ("from", "to", "transfers")} == {
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-02-01T00:00:00Z",
        "transfers": [],
    }
    assert (told["opening_balance_micros"], told["closing_balance_micros"]) == (0, 0)
    assert "Nothing changed the balance." in words(printed.content)
    assert 'filename="statement-test-2026-01.pdf"' in printed.headers["content-disposition"]


async def test_what_is_no_month_or_none_yet_is_refused_in_words(store: Store) -> None:
    answers = [
        await call(store, "GET", f"/topup/statement?month={month}&format=pdf")
        for month in ("2026-13", "june", "0000-01", "2027-01")
    ]

    refused = [answer.json()["data"]["error"] for answer in answers]
    assert [answer.status_code for answer in answers] == [422] * 4
    assert {one["param"] for one in refused} == {"month"}
    assert [one["detail"].partition(":")[0] for one in refused] == [
        *["a month is written like 2026-06, from 01 to 12"] * 3,
        "2027-01 hasn't begun yet. The newest statement is 2026-06, which covers everything up to now.",
    ]
