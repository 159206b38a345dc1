"""Show operators the documents from all accounts."""

from collections.abc import Sequence
from typing import Final

from billing.documents import document
from billing.documents.document import BillingDocument, DocumentFilter
from billing.documents.facts import KINDS
from gateway.api.money.documents import pdf_reply
from gateway.dashboard.admin.fields import admin_route
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import read_query
from gateway.http.fields import cursor_id
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields
from store.database import Transaction

_SHEET: Final = Sheet[BillingDocument](
    "documents",
    (
        *("id", "account_id", "kind", "number", "order_id", "subscription_id", "facts.corrects"),
        *("amount", "currency", "facts.discount", "dated_at", "created_at"),
    ),
    filters=("kind", "account_id", "order_id", "number"),
)


async def show_list(call: RequestContext[Fields, Fields]) -> Reply:
    environment, asked = call.principal.environment, read_query(call)
    kind = next((one for one in KINDS if one == asked.text("kind")), None)

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[BillingDocument]:
        return await document.page_of_all(
            tx,
            environment,
            before_id=cursor_id(cursor, "doc"),
            limit=limit,
            account_id=asked.text("account_id") or None,
            number=asked.text("number") or None,
            narrowed=DocumentFilter(kind=kind, order_id=asked.text("order_id") or None),
        )

    return await list_page(call, "admin/documents.html", _SHEET, read, kinds=KINDS)


async def show_pdf(call: RequestContext[Fields, Fields]) -> Reply:
    environment, document_id = call.principal.environment, call.params["document_id"]
    found = await call.context.database.read(lambda tx: document.find(tx, document_id, environment))
    return await pdf_reply(call, found)


ROUTES = (
    admin_route("GET", "/documents", show_list, "Everybody's documents"),
    admin_route("GET", "/documents/{document_id}/pdf", show_pdf, "One document, as PDF"),
)
