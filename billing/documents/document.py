"""Store receipts, credit notes and debit notes. They never change, and a number is never reused."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import msgspec

from billing.documents.facts import DocumentFacts, DocumentKind
from kernel.errors import DomainError, NotFound
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Begin, Keyset
from store.row_mapping import RowMapping, as_json


class NoReceipt(NotFound):
    def __init__(self, reason: str) -> None:
        DomainError.__init__(self, reason)
        self.kind = "Receipt"


class NoSeller(DomainError):
    pass


class BillingDocument(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    account_id: str
    environment: str
    kind: DocumentKind
    series: str
    sequence: int
    number: str
    subject_id: str
    order_id: str
    subscription_id: str | None = None
    amount: int
    currency: str
    facts: DocumentFacts
    dated_at: int
    created_at: int


ROWS = RowMapping(BillingDocument, stored={"facts": as_json(DocumentFacts)})
_FILTERS: Final = {
    "kind": "kind = :kind",
    "order_id": "order_id = :order_id",
    "subscription_id": "subscription_id = :subscription_id",
    "dated_after": "dated_at >= :dated_after",
    "dated_before": "dated_at < :dated_before",
    "notes": "kind <> 'receipt'",
}
_PAGES = Keyset(
    ROWS.listed,
    "billing_documents",
    "account_id = :account_id AND environment = :environment",
    filters=_FILTERS,
)
_PAGES_OF_ALL = Keyset(
    ROWS.listed,
    "billing_documents",
    "environment = :environment",
    filters={**_FILTERS, "of_account": "account_id = :of_account", "number": "number = :number"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Document filters. The times apply to the dates on the documents. If `notes` is set, receipts are left out."""

    kind: DocumentKind | None = None
    order_id: str | None = None
    subscription_id: str | None = None
    dated_after: int | None = None
    dated_before: int | None = None
    notes: bool = False


EVERY_DOCUMENT: Final = DocumentFilter()


async def page(
    tx: Transaction,
    tenant: Tenant,
    *,
    before_id: Begin,
    limit: int,
    narrowed: DocumentFilter = EVERY_DOCUMENT,
) -> Sequence[BillingDocument]:
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit, **asdict(narrowed))
    return [ROWS.read(row) for row in rows]


async def page_of_all(
    tx: Transaction,
    environment: str,
    *,
    before_id: str | None,
    limit: int,
    account_id: str | None = None,
    number: str | None = None,
    narrowed: DocumentFilter = EVERY_DOCUMENT,
) -> Sequence[BillingDocument]:
    rows = await _PAGES_OF_ALL.page(
        tx,
        environment=environment,
        before_id=before_id,
        limit=limit,
        of_account=account_id,
        number=number,
        **asdict(narrowed),
    )
    return [ROWS.read(row) for row in rows]


async def find(
    tx: Transaction, document_id: str, environment: str | None = None
) -> BillingDocument:
    row = await tx.fetch_one(
        f"""SELECT {ROWS.listed} FROM billing_documents
            WHERE id = :id""",
        id=document_id,
    )
    found = None if row is None else ROWS.read(row)
    if found is None or environment not in (None, found.environment):
        raise NotFound("Document")
    return found


async def receipts_of(tx: Transaction, subject_ids: Iterable[str]) -> dict[str, str]:
    rows = await tx.fetch(
        """SELECT subject_id, id FROM billing_documents
           WHERE subject_id IN :ids[text] AND kind = 'receipt'""",
        ids=sorted(set(subject_ids)),
    )
    return {row["subject_id"]: row["id"] for row in rows}


async def get(tx: Transaction, tenant: Tenant, document_id: str) -> BillingDocument:
    row = await tx.fetch_one(
        f"""SELECT {ROWS.listed} FROM billing_documents
            WHERE account_id = :account_id AND environment = :environment
              AND (id = :name OR number = :name)""",
        **tenant._asdict(),
        name=document_id,
    )
    if row is None:
        raise NotFound("Document")
    return ROWS.read(row)


async def receipt_of(tx: Transaction, tenant: Tenant, order_id: str) -> BillingDocument | None:
    row = await tx.fetch_one(
        f"""SELECT {ROWS.listed} FROM billing_documents
            WHERE order_id = :order_id AND account_id = :account_id
              AND environment = :environment AND kind = 'receipt'
            ORDER BY id LIMIT 1""",
        order_id=order_id,
        **tenant._asdict(),
    )
    return None if row is None else ROWS.read(row)
