"""A provider's own list of payments, page by page; respx stands at the border."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import respx

from billing.ledger.price import Price
from billing.providers.abilities import ListedPage, ListedPayment, Listing, ability
from billing.providers.protocol import ProviderUnavailable
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, provider

SINCE = 1_780_272_000_000_000  # 2026-06-01
UNTIL = 1_782_864_000_000_000  # 2026-07-01


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as made:
        yield made


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def listing(client: httpx.AsyncClient, name: str = "stripe") -> Listing:
    found = ability(provider(name, client=client), Listing)  # type: ignore[type-abstract]
    assert found is not None
    return found


def charge(charge_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": charge_id,
        "object": "charge",
        "amount": 2000,
        "amount_refunded": 0,
        "balance_transaction": {
            "id": "txn_1",
            "object": "balance_transaction",
            "fee": 88,
            "currency": "eur",
        },
        "captured": True,
        "created": 1_780_300_000,
        "currency": "usd",
        "disputed": False,
        "metadata": {"order_id": "ord_1"},
        "payment_intent": "pi_1",
        "status": "succeeded",
        **changes,
    }


def page(*data: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "url": "/v1", "data": list(data), "has_more": has_more}


async def test_charges_of_the_time_come_first_with_what_stripe_kept(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    asked = vendor.get(f"{API_BASE}/v1/charges").respond(json=page(charge("ch_1"), has_more=True))

    found = await listing(client).list_payments(SINCE, UNTIL)

    assert found == ListedPage(
        [
            ListedPayment(
                payment_id="ch_1",
                objects=("ch_1", "pi_1"),
                order_id="ord_1",
                status="paid",
                price=Price(2000, "USD"),
                fee=Price(88, "EUR"),
                created_at=1_780_300_000_000_000,
            )
        ],
        "charges:ch_1",
    )
    assert dict(asked.calls.last.request.url.params) == {
        "created[gte]": "1780272000",
        "created[lt]": "1782864000",
        "expand[0]": "data.balance_transaction",
        "limit": "50",
    }


async def test_a_late_refund_brings_its_charge_and_a_won_dispute_takes_nothing(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    old = charge("ch_0", created=1_770_000_000, amount_refunded=500, disputed=True)
    vendor.get(f"{API_BASE}/v1/refunds").respond(
        json=page({"id": "re_1", "charge": old}, {"id": "re_2", "charge": None})
    )
    made = {"object": "dispute", "currency": "usd", "charge": "ch_0"}
    disputes = vendor.get(f"{API_BASE}/v1/disputes").respond(
        json=page(
            {**made, "id": "dp_1", "amount": 300, "status": "lost"},
            {**made, "id": "dp_2", "amount": 900, "status": "won"},
            {**made, "id": "dp_3", "amount": 700, "status": "warning_closed"},
        )
    )

    found = await listing(client).list_payments(SINCE, UNTIL, "refunds:re_0")

    assert [(one.payment_id, one.refunded, one.disputed) for one in found.payments] == [
        ("ch_0", 500, 300)
    ]
    assert found.next_cursor == "disputes"
    assert disputes.calls.last.request.url.params["charge"] == "ch_0"


async def test_disputes_are_the_last_list(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    vendor.get(f"{API_BASE}/v1/disputes").respond(json=page())

    assert await listing(client).list_payments(SINCE, UNTIL, "disputes") == ListedPage([], None)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"captured": False}, "pending"),
        ({"status": "pending"}, "pending"),
        ({"status": "failed", "balance_transaction": None}, "failed"),
    ],
)
async def test_what_is_not_paid_is_not_called_so(
    client: httpx.AsyncClient, vendor: respx.MockRouter, said: dict[str, Any], status: str
) -> None:
    vendor.get(f"{API_BASE}/v1/charges").respond(json=page(charge("ch_1", **said)))

    found = await listing(client).list_payments(SINCE, UNTIL)

    assert found.payments[0].status == status


async def test_an_amount_in_no_unit_of_ours_is_no_list_to_rely_on(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    vendor.get(f"{API_BASE}/v1/charges").respond(json=page(charge("ch_1", amount=-1)))

    with pytest.raises(ProviderUnavailable):
        await listing(client).list_payments(SINCE, UNTIL)


def transaction(transaction_id: str, **changes: Any) -> dict[str, Any]:
    """As Creem's reference has it: 10.00 with 2.10 of tax on top, on 2026-06-15."""
    return {
        "id": transaction_id,
        "mode": "test",
        "object": "transaction",
        "amount": 1000,
        "amount_paid": 1210,
        "currency": "EUR",
        "type": "payment",
        "tax_amount": 210,
        "status": "paid",
        "refunded_amount": None,
        "order": "ord_creem",
        "subscription": None,
        "customer": "cust_1",
        "created_at": 1_781_524_800_000,
        **changes,
    }


def creem_page(*items: dict[str, Any], following: int | None = None) -> dict[str, Any]:
    numbers = {"total_records": 9, "total_pages": 9, "current_page": 1, "prev_page": None}
    return {"items": list(items), "pagination": {**numbers, "next_page": following}}


async def test_creems_transactions_are_read_to_the_end_and_those_of_the_time_kept(
    client: httpx.AsyncClient, vendor: respx.MockRouter
) -> None:
    march = {"created_at": 1_772_323_200_000}
    asked = vendor.get(url__startswith=f"{API_BASE}/v1/transactions/search").respond(
        json=creem_page(
            transaction("tran_1"),
            transaction("tran_2", type="invoice", subscription="sub_1"),
            transaction("tran_3", **march),
            transaction("tran_4", **march, status="partialRefund", refunded_amount=605),
            transaction("tran_5", status="chargeback", refunded_amount=1210),
            transaction("tran_6", status="declined"),
            transaction("tran_7", status="pending"),
            following=2,
        )
    )

    found = await listing(client, "creem").list_payments(SINCE, UNTIL)

    assert found.next_cursor == "2"
    assert dict(asked.calls.last.request.url.params) == {"page_number": "1", "page_size": "50"}
    assert found.payments[0] == ListedPayment(
        payment_id="tran_1",
        objects=("tran_1", "ord_creem"),
        customer_ref="cust_1",
        status="paid",
        price=Price(1000, "EUR"),
        created_at=1_781_524_800_000_000,
    )
    # A renewal names the order that began its plan: that order is not what it paid for.
    assert found.payments[1].objects == ("tran_2",)
    # Of what went back, the part without the tax: the half of it is 5.00 of 10.00.
    assert [(one.payment_id, one.status, one.refunded, one.disputed) for one in found.payments] == [
        ("tran_1", "paid", 0, 0),
        ("tran_2", "paid", 0, 0),
        ("tran_4", "paid", 500, 0),
        ("tran_5", "paid", 0, 1000),
        ("tran_6", "failed", 0, 0),
        ("tran_7", "pending", 0, 0),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        creem_page(transaction("tran_1", amount=-1, amount_paid=-1)),
        creem_page(transaction("tran_1", created_at=1_781_524_800)),
        creem_page(following=1),
        {"items": []},
    ],
)
async def test_a_list_of_creems_that_makes_no_sense_is_none_to_rely_on(
    client: httpx.AsyncClient, vendor: respx.MockRouter, answer: dict[str, Any]
) -> None:
    vendor.get(url__startswith=f"{API_BASE}/v1/transactions/search").respond(json=answer)

    with pytest.raises(ProviderUnavailable):
        await listing(client, "creem").list_payments(SINCE, UNTIL)
