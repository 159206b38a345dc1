"""The operator's lists as files: with their filters, for operators alone."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kernel.clock import FixedClock
from tests.support.browser import signed_in
from tests.support.operator_pages import ADMIN as HERE, operator
from tests.support.selling_gateway import Store, open_store

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]

# What each list of the operator's is called as a file, and the first cells of its first line.
FILES = {
    "accounts": ("accounts", "id,user_id,name,email,operator,sandbox,live"),
    "audit": ("audit-log", "entry_id,entry_created_at,entry_action,entry_outcome"),
    "code-batches": ("code-batches", "id,environment,name,credits,count,uses,used"),
    "codes": ("codes", "id,batch_id,environment,code,last4,status,credits"),
    "coupons": ("coupons", "id,environment,code,kind,percent,amount_off,currency"),
    "disputes": ("disputes", "id,provider,account_id,order_id,amount,currency,status"),
    "documents": ("documents", "id,account_id,kind,number,order_id,subscription_id"),
    "events": ("provider-events", "received_at,notification_provider,notification_event_id"),
    "margin": ("margin", "day,platform,supplier,account,topups,amount_cents,fee_cents"),
    "machine-payments": ("payments", "id,state,protocol,environment,account_id"),
    "orders": ("orders", "id,account_id,order_no,reference,kind,status,provider,method"),
    "reconciliation": ("reconciliation", "id,environment,part,kind,account_id,subject_id"),
    "outstanding": ("outstanding", "month,opening_micros,sold_micros,granted_micros"),
    "revenue": ("revenue", "month,provider,currency,payments,paid,refunded,refunded_in_month"),
    "refunds": ("refunds", "id,status,amount,currency,order_id,period_id,account_id"),
    "stock": ("stock", "supplier,platform,amount_cents,remaining,low_threshold,low"),
    "stock/codes": ("stock", "id,supplier,platform,amount_cents,code,expires_at,added_at"),
    "subscriptions": ("subscriptions", "id,status,provider,order_id,plan_id,plan_name"),
    "due": ("webhooks-due", "endpoint_id,account_id,account_name,environment,address,due"),
    "workers": ("workers", "id,machine,process_id,version,started_at,seen_at"),
    "unanswered": ("recharges-not-answered", "order_id,account_id,amount_cents,method"),
    "proofs": ("ledger-proofs", "id,began_at,ended_at,findings,is_full,live_day,staging_day"),
    "providers": ("customers-of-erased-accounts", "provider,customer_ref,created_at"),
    "topups": ("topups-at-suppliers", "topup_id,topup_account_id,topup_status"),
}


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Store]:
    async with open_store(database_url, tmp_path, clock) as opened:
        yield opened


async def test_every_list_is_written_as_a_file_with_its_filters(store: Store) -> None:
    made = await store.order()
    await store.notify("paid", made["id"], amount=made["pay_amount"] - 1)
    order_id = made["id"]
    boss = await operator(store.gateway)

    for place, (name, first_cells) in FILES.items():
        answer = await boss.get(f"{HERE}/{place}?format=csv_excel")
        text = answer.content.decode("utf-8-sig")
        assert answer.status_code == 200, place
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="{name}-all-staging-2026-06-13.csv"'
        )
        assert answer.headers["cache-control"] == "private, no-store"
        assert text.startswith(first_cells), place
    listed = (await boss.get(f"{HERE}/orders?status=review")).text
    found = (await boss.get(f"{HERE}/orders?status=review&format=csv")).text
    none = (await boss.get(f"{HERE}/orders?status=paid&format=csv")).text
    log = (await boss.get(f"{HERE}/events?format=csv")).text
    both = (await boss.get(HERE)).text
    review = await boss.get(f"{HERE}?format=csv")
    other = (await boss.get(f"{HERE}?reason=refund&format=csv")).text
    unpaid = (await boss.get(f"{HERE}?kind=credited_unpaid&format=csv")).text
    stranger = await signed_in(store.gateway, email="stranger@example.com")
    refused = await stranger.request("GET", f"{HERE}/orders?format=csv")

    assert f'href="{HERE}/orders?status=review&amp;format=csv_excel" download' in listed
    (row,) = csv.DictReader(io.StringIO(found))
    assert (row["id"], row["status"], row["pay_amount"]) == (order_id, "review", "2000")
    assert row["created_at"].startswith("2026-06-13T12:00:0")
    assert len(none.splitlines()) == 1
    assert order_id in log
    assert f'href="{HERE}?format=csv_excel" download' in both
    assert 'filename="orders-all-staging-' in review.headers["content-disposition"]
    assert [one["id"] for one in csv.DictReader(io.StringIO(review.text))] == [order_id]
    assert len(other.splitlines()) == len(unpaid.splitlines()) == 1
    assert refused.status_code == 403


async def test_a_refused_filter_is_told_beside_the_filters(store: Store) -> None:
    boss = await operator(store.gateway)

    wrong = await boss.request("GET", f"{HERE}?kind=credited_unpaid&reason=amount")

    assert wrong.status_code == 422
    assert "can only be used with paid_uncredited" in wrong.text
    assert '<option value="credited_unpaid" selected>' in wrong.text
