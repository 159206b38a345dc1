"""Receipts: PDFs, credit notes and billing details."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from billing.documents import document
from billing.documents.document import BillingDocument
from billing.documents.numbering import receipt
from gateway.answers import response_codes as codes
from gateway.answers.outcome import Outcome
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import Fields

PDF: Final = "application/pdf"
_READS: Final = ("billing:read",)
_PDF_ANSWER: Final = (Outcome(200, None, media_types=(PDF,)),)


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
    found = await call.context.database.read(lambda tx: document.get(tx, tenant, document_id))
    return await pdf_reply(call, found)


async def pdf_reply(
    call: RequestContext[Fields, Fields],
    found: BillingDocument,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """Render the document as a PDF. Raise Unavailable if too many documents are waiting."""
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
        "Get an order's receipt as a PDF",
        scopes=_READS,
        description=(
            "Returns the receipt of a paid order. For a plan's order, this is the "
            "receipt of the first period. The receipt gets its number at the payment or "
            "the first request, and never changes. Error 404 if nothing was paid."
        ),
        answers=_PDF_ANSWER,
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "GET",
        "/documents/{document_id}/pdf",
        show_pdf,
        "Get a receipt or credit note as a PDF",
        scopes=_READS,
        description="Returns a document by its ID or number.",
        answers=_PDF_ANSWER,
        refuses=(codes.NOT_FOUND,),
    ),
)
