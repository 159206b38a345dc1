"""Documents are numbered without a gap, in the order of payments, once, and are never changed."""

import asyncio
from typing import Any

import pytest

from billing.documents import billing_details, document
from billing.documents.document import BillingDocument
from billing.documents.facts import DocumentLine, Party, Seller
from billing.documents.numbering import number_step
from billing.ledger.price import Price
from billing.providers import breakdown
from billing.providers.breakdown import Breakdown, TaxPart
from kernel.clock import DAY_US, FixedClock
from store.database import Database, Transaction
from store.errors import StoreError
from store.open import open_database
from tests.support.buyer import Buyer, open_buyer, open_live_counter

PREFIXES = {"receipt": "R", "credit_note": "CN", "debit_note": "DN"}
SELLER = Seller(
    Party("Acme GmbH", ("Weg 1", "10115 Berlin"), "DE123", "pay@acme.example"), PREFIXES
)
NOBODY = Seller(Party(""), PREFIXES)


@pytest.fixture
async def buyer(database: Database, clock: FixedClock) -> Buyer:
    return await open_live_counter(database, clock)


async def number(buyer: Buyer, clock: FixedClock, **fields: Any) -> int:
    values = {"seller": SELLER, "now_us": clock.now_us(), **fields}
    return await number_step(buyer.account.database, buyer.tenant.environment, **values)


async def documents(buyer: Buyer) -> list[BillingDocument]:
    """Oldest first."""

    async def work(tx: Transaction) -> list[BillingDocument]:
        return list(await document.page(tx, buyer.tenant, before_id=None, limit=100))[::-1]

    return await buyer.account.database.read(work)


def told(found: list[BillingDocument]) -> list[tuple[str, int]]:
    return [(one.number, one.amount) for one in found]


async def test_payments_are_numbered_in_their_order_and_once(
    buyer: Buyer, clock: FixedClock
) -> None:
    first, second, unpaid = [await buyer.order() for _ in range(3)]
    await buyer.pay(second, "pi_2")
    clock.advance_s(60)
    await buyer.pay(first, "pi_1")

    assert [await number(buyer, clock), await number(buyer, clock)] == [2, 0]

    made = await documents(buyer)
    assert told(made) == [("R-2026-000001", 2000), ("R-2026-000002", 2000)]
    assert [one.order_id for one in made] == [second.id, first.id]
    assert unpaid.id not in {one.order_id for one in made}


async def test_a_document_keeps_who_sold_and_who_bought(buyer: Buyer, clock: FixedClock) -> None:
    async def details(name: str) -> None:
        made = billing_details.checked(
            buyer.tenant.account_id, name=name, address="Road 2\r\n\r\nLondon", tax_id="GB9"
        )
        await buyer.account.database.transaction(
            lambda tx: billing_details.save(tx, made, now_us=clock.now_us())
        )

    await details("Buyer Ltd")
    await buyer.pay(await buyer.order())
    await number(buyer, clock)
    await details("Another Ltd")
    await number(buyer, clock, seller=Seller(Party("Elsewhere"), PREFIXES))

    (made,) = await documents(buyer)
    assert made.facts.seller == SELLER.party
    assert made.facts.buyer == Party("Buyer Ltd", ("Road 2", "London"), "GB9", "acme@example.com")
    assert made.facts.lines == (DocumentLine("Pro Pack", 2000),)


async def test_in_live_nothing_is_numbered_before_a_seller_is_known(
    buyer: Buyer, clock: FixedClock
) -> None:
    await buyer.pay(await buyer.order())

    assert await number(buyer, clock, seller=NOBODY) == 0
    assert await documents(buyer) == []
    assert await number(buyer, clock) == 1


async def test_staging_is_marked_as_a_test(database: Database, clock: FixedClock) -> None:
    buyer = await open_buyer(database, clock)
    await buyer.pay(await buyer.order())

    await number(buyer, clock, seller=NOBODY)

    (made,) = await documents(buyer)
    assert made.number == "TEST-R-2026-000001"
    assert made.facts.is_test
    assert made.facts.seller.name == "Example seller"


async def test_what_goes_back_makes_notes_that_add_up_to_the_receipt(
    buyer: Buyer, clock: FixedClock
) -> None:
    order = await buyer.order()
    await tell(buyer, "pi_1", Breakdown(subtotal=1681, total=2000, taxes=(TaxPart("VAT", 319),)))
    await buyer.pay(order)
    for amount in (500, 700, 2000):
        await buyer.refund(order, amount)
        await number(buyer, clock)

    made = await documents(buyer)
    assert told(made) == [
        ("R-2026-000001", 2000),
        ("CN-2026-000001", 500),
        ("CN-2026-000002", 200),
        ("CN-2026-000003", 1300),
    ]
    # 319 x 500/2000 = 79.75; 319 x 700/2000 = 111.65: the notes have 80, 112 - 80 and 319 - 112.
    assert [one.facts.taxes[0].amount for one in made] == [319, 80, 32, 207]
    assert made[1].facts.corrects == "R-2026-000001"
    assert made[1].facts.lines == (DocumentLine("Receipt R-2026-000001", 420),)


async def test_an_open_dispute_makes_no_note_and_a_refund_that_failed_takes_one_back(
    buyer: Buyer, clock: FixedClock
) -> None:
    disputed, refunded = await buyer.order(), await buyer.order()
    await buyer.pay(disputed, "pi_1")
    await buyer.pay(refunded, "pi_2")
    await buyer.dispute(disputed, 2000)
    await buyer.refund(refunded, 300)
    await number(buyer, clock)
    await buyer.close_dispute(disputed, is_won=False)
    await buyer.fail_refund(refunded, 300)
    await number(buyer, clock)
    assert await number(buyer, clock) == 0

    assert told(await documents(buyer))[2:] == [
        ("CN-2026-000001", 300),
        ("CN-2026-000002", 2000),
        ("DN-2026-000001", 300),
    ]


async def test_what_cost_nothing_has_no_receipt_and_a_year_has_a_series(
    buyer: Buyer, clock: FixedClock
) -> None:
    await buyer.coupon("FREE", percent=100)
    await buyer.order(coupon="FREE")
    await buyer.pay(await buyer.order())
    clock.advance_s(366 * DAY_US // 1_000_000)
    await buyer.pay(await buyer.order(), "pi_2")

    assert await number(buyer, clock) == 3
    assert told(await documents(buyer)) == [("R-2026-000001", 2000), ("R-2027-000001", 2000)]


async def test_two_processes_leave_no_gap_and_collide_nowhere(
    buyer: Buyer, clock: FixedClock, database_url: str
) -> None:
    orders = [await buyer.order() for _ in range(12)]
    second = open_database(database_url)

    async def work(mine: Database, offset: int) -> None:
        for order in orders[offset::2]:
            await buyer.pay(order, f"pi_{order.id}")
            await number_step(mine, "live", SELLER, now_us=clock.now_us(), limit=2)

    await asyncio.gather(work(buyer.account.database, 0), work(second, 1))
    while await number(buyer, clock):
        pass
    await second.close()

    made = await documents(buyer)
    assert sorted(one.sequence for one in made) == list(range(1, 13))
    assert {one.order_id for one in made} == {order.id for order in orders}


async def test_what_breaks_in_between_leaves_nothing(buyer: Buyer, clock: FixedClock) -> None:
    await buyer.pay(await buyer.order())

    async def occupy(tx: Transaction, *, is_there: bool) -> None:
        if is_there:
            await tx.execute(
                """INSERT INTO billing_documents (id, account_id, environment, kind, series,
                    sequence, number, subject_id, order_id, amount, currency, facts, dated_at,
                    created_at) VALUES ('doc_x', 'x', 'live', 'receipt', 'x', 1,
                    'R-2026-000001', 'x', 'x', 1, 'USD', '{}', 1, 1)"""
            )
        else:
            await tx.execute("DELETE FROM billing_documents WHERE id = 'doc_x'")

    database = buyer.account.database
    await database.transaction(lambda tx: occupy(tx, is_there=True))
    with pytest.raises(StoreError):
        await number(buyer, clock)
    await database.transaction(lambda tx: occupy(tx, is_there=False))

    assert await number(buyer, clock) == 1
    assert told(await documents(buyer)) == [("R-2026-000001", 2000)]


async def test_another_currency_says_what_it_was_charged_for(
    buyer: Buyer, clock: FixedClock
) -> None:
    order = await buyer.order()
    await buyer.pay(order, price=Price(6200, "KWD"))
    await buyer.resolve(order, "approve")

    await number(buyer, clock)

    (made,) = await documents(buyer)
    assert (made.amount, made.currency) == (6200, "KWD")
    assert made.facts.price_note == "Charged in KWD for 20.00 USD"


async def tell(buyer: Buyer, payment_id: str, told: Breakdown) -> None:
    key = ("stripe", buyer.tenant.environment, payment_id)
    await buyer.account.database.transaction(lambda tx: breakdown.save(tx, [(key, told)], now_us=1))
