"""Show a receipt by the link of its mail. The address leads to this document only and can't be guessed."""

from billing.documents import document
from billing.documents.receipt_letter import RECEIPT_PATH
from gateway.api.money.documents import pdf_reply
from gateway.dashboard.recipient.page import PRIVATE, throttle
from gateway.dashboard.route import open_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import NotFound
from kernel.fields import Fields


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    await throttle(call)
    token = call.params["receipt_token"]
    document_id = call.context.topup_rules.links.id_of("receipt", token)
    if document_id is None:
        raise NotFound("Page")
    found = await call.context.database.read(lambda tx: document.find(tx, document_id))
    return await pdf_reply(call, found, PRIVATE)


ROUTES = (open_route("GET", f"{RECEIPT_PATH}/{{receipt_token}}", show, "A receipt, by its link"),)
