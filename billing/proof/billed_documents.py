"""Compare receipts and notes with the payments that they document."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from billing.documents import document
from billing.documents.document import BillingDocument
from billing.documents.facts import Party, Seller, facts_of, share
from billing.documents.numbering import Payment, payments_of
from billing.ledger.rule import OWN
from billing.proof.check import Broken, Place, Step, differs, fails, page
from billing.providers import breakdown
from billing.providers.breakdown import Breakdown
from kernel.tenant import Tenant
from store.database import Row, Transaction

AMOUNT: Final = "a document's amount is what stands on it"
RECEIPT: Final = "a receipt states what was paid"
NOTES: Final = "notes of a receipt add up to what they were made for"
SERIES: Final = "a series of documents has each number once, without a gap"

_NOBODY: Final = Seller(Party(""), {})
_DOCUMENTS: Final = (
    f"SELECT {document.ROWS.listed} FROM billing_documents WHERE {OWN} AND id > :after"
)
_SERIES: Final = """
SELECT s.series AS id, s.last_number, COUNT(d.id) AS number, COALESCE(MAX(d.sequence), 0) AS highest
FROM document_series s
LEFT JOIN billing_documents d ON d.environment = s.environment AND d.series = s.series
WHERE s.environment = :environment AND s.series > :after AND :account_id = ''
GROUP BY s.series, s.last_number"""
_NOTED: Final = """
SELECT id, noted_amount, COALESCE(receipt_id, '') AS receipt_id FROM {table}
WHERE account_id = :account_id AND environment = :environment AND id > :after"""


class DocumentCheck:
    rules = (AMOUNT, RECEIPT)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _DOCUMENTS, at)
        made = [document.ROWS.read(row) for row in rows]
        payments = await payments_of(tx, {one.subject_id for one in made})
        told = await _breakdowns(tx, at.tenant, payments.values())
        broken: list[Broken] = []
        for one in made:
            broken += differs(AMOUNT, one.id, one.facts.paid, one.amount)
            payment = payments.get(one.subject_id)
            if payment is None:
                broken.append(Broken(RECEIPT, one.id, 0, one.amount))
            elif one.kind == "receipt":
                broken += _receipt(one, payment, told.get(payment.payment_id))
        return Step(broken, onward)


class NotedCheck:
    rules = (NOTES,)

    def __init__(self, table: str) -> None:
        self._table = table

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _NOTED.format(table=self._table), at)
        found = await _documents_of(tx, [row["id"] for row in rows if row["receipt_id"]])
        payments = await payments_of(tx, found)
        broken: list[Broken] = []
        for row in rows:
            broken += _noted(row, found.get(row["id"], ()), payments.get(row["id"]))
        return Step(broken, onward)


class SeriesCheck:
    rules = (SERIES,)

    async def step(self, tx: Transaction, at: Place) -> Step:
        rows, onward = await page(tx, _SERIES, at)
        broken: list[Broken] = []
        for row in rows:
            last, number, highest = row["last_number"], int(row["number"]), row["highest"]
            if not row["id"] or (at.tenant.environment == "staging" and number <= highest <= last):
                # Documents of an erased sandbox are deleted, and their numbers are never reused.
                continue
            broken += differs(SERIES, row["id"], last, number)
            broken += differs(SERIES, row["id"], last, highest)
        return Step(broken, onward)


def _receipt(
    made: BillingDocument, payment: Payment, told: tuple[Breakdown, int] | None
) -> Iterator[Broken]:
    if payment.sold is None:
        yield Broken(RECEIPT, made.id, 0, made.amount)
        return
    known = told[0] if told is not None and told[1] <= made.created_at else None
    is_unclear = told is not None and known is None
    if is_unclear:
        return
    facts = made.facts
    given = facts_of(
        payment.sold,
        known,
        seller=_NOBODY,
        buyer=facts.buyer,
        is_test=facts.is_test,
    )
    yield from differs(RECEIPT, made.id, given.paid, made.amount)
    yield from differs(RECEIPT, made.id, given.discount, facts.discount)
    yield from fails(
        RECEIPT,
        made.id,
        is_true=(given.lines, given.price_note) == (facts.lines, facts.price_note),
    )


def _noted(
    row: Row, documents: Sequence[BillingDocument], payment: Payment | None
) -> Iterator[Broken]:
    receipt = next((one for one in documents if one.kind == "receipt"), None)
    if receipt is None or payment is None or payment.sold is None:
        yield from differs(NOTES, row["id"], 0, row["noted_amount"])
        return
    noted = sum(
        one.amount if one.kind == "credit_note" else -one.amount
        for one in documents
        if one.kind != "receipt"
    )
    due = share(receipt.facts.paid, row["noted_amount"], payment.sold.amount)
    yield from differs(NOTES, row["id"], due, noted)
    yield from fails(NOTES, row["id"], is_true=row["noted_amount"] <= payment.sold.amount)


async def _documents_of(
    tx: Transaction, ids: Sequence[str]
) -> Mapping[str, Sequence[BillingDocument]]:
    found: dict[str, list[BillingDocument]] = {}
    if ids:
        rows = await tx.fetch(
            f"SELECT {document.ROWS.listed} FROM billing_documents WHERE subject_id IN :ids[text]",
            ids=sorted(ids),
        )
        for row in rows:
            found.setdefault(row["subject_id"], []).append(document.ROWS.read(row))
    return found


async def _breakdowns(
    tx: Transaction, tenant: Tenant, payments: Iterable[Payment]
) -> Mapping[str, tuple[Breakdown, int]]:
    keys = [(one.provider, tenant.environment, one.payment_id) for one in payments]
    found = await breakdown.load_dated(tx, keys)
    return {key[2]: told for key, told in found.items()}
