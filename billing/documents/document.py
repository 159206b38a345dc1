"""A document: a receipt of a payment, or a note of what went back of one, with its number.

Invariant: what is written is never changed, and a number is never given again. billing_documents is
written by billing/documents/numbering.py alone; here it is read.
"""

from collections.abc import Sequence

import msgspec

from billing.documents.facts import DocumentFacts, DocumentKind
from kernel.errors import DomainError, NotFound
from kernel.tenant import Tenant
from store.database import Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping, as_json


class NoReceipt(NotFound):
    """There is none, and there will be none: nothing was paid, or nothing yet; reason says which."""

    def __init__(self, reason: str) -> None:
        DomainError.__init__(self, reason)
        self.kind = "Receipt"


class NoSeller(DomainError):
    """Nobody has said who sells here, so nothing can be made out in their name."""


class BillingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One row; the columns' meaning is in store/schema.py."""

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
_PAGES = Keyset(
    ROWS.listed,
    "billing_documents",
    "account_id = :account_id AND environment = :environment",
    filters={
        "kind": "kind = :kind",
        "order_id": "order_id = :order_id",
        "subscription_id": "subscription_id = :subscription_id",
        "notes": "kind <> 'receipt'",
    },
)


async def page(
    tx: Transaction,
    tenant: Tenant,
    *,
    before_id: str | None,
    limit: int,
    kind: DocumentKind | None = None,
    order_id: str | None = None,
    subscription_id: str | None = None,
    notes: bool = False,
) -> Sequence[BillingDocument]:
    """The tenant's, newest first; notes: without the receipts."""
    rows = await _PAGES.page(
        tx,
        tenant,
        before_id=before_id,
        limit=limit,
        kind=kind,
        order_id=order_id,
        subscription_id=subscription_id,
        notes=notes,
    )
    return [ROWS.read(row) for row in rows]


async def get(tx: Transaction, tenant: Tenant, document_id: str) -> BillingDocument:
    """The tenant's own, by its id or its number; raises NotFound."""
    row = await tx.fetch_one(
        f"""SELECT {ROWS.listed} FROM billing_documents
            WHERE account_id = :account_id AND environment = :environment
              AND (id = :name OR number = :name)""",
        account_id=tenant.account_id,
        environment=tenant.environment,
        name=document_id,
    )
    if row is None:
        raise NotFound("Document")
    return ROWS.read(row)


async def receipt_of(tx: Transaction, tenant: Tenant, order_id: str) -> BillingDocument | None:
    """The order's receipt; of a plan's order that of the first period that was paid for."""
    row = await tx.fetch_one(
        f"""SELECT {ROWS.listed} FROM billing_documents
            WHERE order_id = :order_id AND account_id = :account_id
              AND environment = :environment AND kind = 'receipt'
            ORDER BY id LIMIT 1""",
        order_id=order_id,
        account_id=tenant.account_id,
        environment=tenant.environment,
    )
    return None if row is None else ROWS.read(row)
