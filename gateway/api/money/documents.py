"""Receipts: their PDFs, credit notes, and whom they are made out to."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated, Final

from msgspec import Meta
from starlette.responses import Response

from billing.documents import billing_details, document
from billing.documents.billing_details import BillingDetails
from billing.documents.document import BillingDocument, DocumentFilter
from billing.documents.facts import DocumentKind
from billing.documents.receipts import receipt
from billing.orders import queries as order_list
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, Outcome, exported, ok
from gateway.api.schemas import documents as shapes
from gateway.http.idempotency import run_once
from gateway.http.lists import Export, list_or_csv, list_rows
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import ExportPage, Fields, Page, Text, Time, time_us
from keys.principal import ScopeMissing
from store.database import Transaction

PDF: Final = "application/pdf"
_READS: Final = ("billing:read",)
_EXPORT: Final = Export(
    "documents",
    _READS,
    (
        *("id", "kind", "number", "order_id", "subscription_id", "corrects", "amount", "currency"),
        *("taxes", "discount", "dated_at", "created_at"),
    ),
)
_PDF_ANSWER: Final = (Outcome(200, None, media_types=(PDF,)),)


class DocumentsQuery(ExportPage, frozen=True, kw_only=True):
    """Filters of the list; dated_after is inclusive, dated_before exclusive: paid or paid back then."""

    kind: Annotated[DocumentKind, Meta(description="Only documents of this kind.")] | None = None
    order_id: Annotated[Text, Meta(description="Only documents of this order.")] | None = None
    subscription_id: (
        Annotated[Text, Meta(description="Only documents of this subscription.")] | None
    ) = None
    dated_after: Time | None = None
    dated_before: Time | None = None


class BillingDetailsBody(Fields, frozen=True, kw_only=True):
    """Whom documents are made out to from now on; those that exist stay as they are."""

    name: Annotated[
        str,
        Meta(
            max_length=billing_details.NAME_CHARACTERS_MAX,
            description="Whom documents are made out to; empty: the account's own name.",
        ),
    ] = ""
    address: Annotated[
        str,
        Meta(
            max_length=billing_details.ADDRESS_CHARACTERS_MAX,
            description="At most 8 lines, apart by line ends.",
        ),
    ] = ""
    tax_id: Annotated[str, Meta(max_length=billing_details.TAX_ID_CHARACTERS_MAX)] = ""


async def list_documents(call: RequestContext[Fields, DocumentsQuery]) -> Reply:
    query = call.query
    narrowed = DocumentFilter(
        kind=query.kind,
        order_id=query.order_id,
        subscription_id=query.subscription_id,
        dated_after=time_us(query.dated_after, "dated_after"),
        dated_before=time_us(query.dated_before, "dated_before"),
    )
    read = partial(document.page, tenant=call.principal.tenant, narrowed=narrowed)
    return await list_or_csv(call, "doc", read, _EXPORT, shape=shapes.BillingDocument.of)


async def list_credit_notes(call: RequestContext[Fields, Page]) -> Reply:
    tenant, order_id = call.principal.tenant, call.params["order_id"]

    async def own(tx: Transaction) -> None:
        await order_list.get(tx, tenant, order_id)

    await call.context.database.read(own)
    narrowed = DocumentFilter(order_id=order_id, notes=True)
    read = partial(document.page, tenant=tenant, narrowed=narrowed)
    return await list_rows(call, "doc", read, shape=shapes.BillingDocument.of)


async def show_receipt(call: RequestContext[Fields, Fields]) -> Reply:
    found = await receipt(
        call.context.database,
        call.principal.tenant,
        call.params["order_id"],
        seller=call.context.settings.seller,
        mail_sent_in=call.context.topup_rules.mail.sent_in,
        now_us=call.now_us,
    )
    return await pdf_reply(call, found)


async def show_pdf(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, document_id = call.principal.tenant, call.params["document_id"]

    async def work(tx: Transaction) -> BillingDocument:
        return await document.get(tx, tenant, document_id)

    return await pdf_reply(call, await call.context.database.read(work))


async def show_details(call: RequestContext[Fields, Fields]) -> Answer:
    account_id = call.principal.account_id

    async def work(tx: Transaction) -> BillingDetails:
        return await billing_details.find(tx, account_id)

    found = await call.context.database.read(work)
    return answer(codes.SUCCESS, shapes.BillingDetails.of(found), now_us=call.now_us)


async def set_details(call: RequestContext[BillingDetailsBody, Fields]) -> Answer:
    body, principal = call.body, call.principal
    if principal.kind != "session" and principal.environment != "live":
        raise ScopeMissing(
            "live receipts name them too: give a live key, or type them in on the account's page",
            reason="live_key_needed",
        )
    checked = billing_details.checked(
        principal.account_id, name=body.name, address=body.address, tax_id=body.tax_id
    )

    async def work(tx: Transaction) -> BillingDetails:
        return await billing_details.keep(tx, checked, now_us=call.now_us)

    def render(kept: BillingDetails) -> Answer:
        return answer(codes.SUCCESS, shapes.BillingDetails.of(kept), now_us=call.now_us)

    return await run_once(call, work, render)


async def pdf_reply(
    call: RequestContext[Fields, Fields],
    found: BillingDocument,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """Draw the document, with more headers; raise Unavailable if too many wait."""
    headers = {"Content-Disposition": f'inline; filename="{found.number}.pdf"', **more}
    if call.method == "HEAD":
        return Response(media_type=PDF, headers=headers)
    body = await call.context.printer.document(found)
    return Response(body, media_type=PDF, headers={**headers, "Cache-Control": "private, no-store"})


ROUTES = (
    Route(
        "GET",
        "/orders/{order_id}/receipt.pdf",
        show_receipt,
        "An order's receipt, as PDF",
        scopes=_READS,
        description=(
            "Of a paid order; of a plan's order the receipt of its first period. It has its number"
            " from the moment on that it was paid or first asked for, and never changes. 404 where"
            " nothing was paid."
        ),
        answers=_PDF_ANSWER,
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "GET",
        "/orders/{order_id}/credit-notes",
        list_credit_notes,
        "What went back of an order's payment, newest first",
        scopes=_READS,
        query=Page,
        answers=ok(Listing[shapes.BillingDocument]),
    ),
    Route(
        "GET",
        "/documents",
        list_documents,
        "Receipts and credit notes, newest first",
        scopes=_READS,
        query=DocumentsQuery,
        answers=exported(Listing[shapes.BillingDocument]),
    ),
    Route(
        "GET",
        "/documents/{document_id}/pdf",
        show_pdf,
        "A receipt or credit note, as PDF",
        scopes=_READS,
        description="By its id, or by its number.",
        answers=_PDF_ANSWER,
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "GET",
        "/billing/details",
        show_details,
        "Whom receipts are made out to",
        scopes=_READS,
        answers=ok(shapes.BillingDetails),
    ),
    Route(
        "PUT",
        "/billing/details",
        set_details,
        "Set whom receipts are made out to",
        scopes=("billing:write",),
        body=BillingDetailsBody,
        description=(
            "They are the account's, in both environments, so a staging key may not set them (2009,"
            " `reason` `live_key_needed`): a live key or a person who signed in does. What was made"
            " before keeps what stood here then."
        ),
        answers=ok(shapes.BillingDetails),
    ),
)
