"""Signed receipts: prove a top-up without calling the gateway."""

from typing import Final

from starlette.responses import Response

from billing.reports.topup_receipt import (
    KEYS_PATH,
    RECEIPT,
    SealedDay,
    SignedReceipt,
    TopUpReceipt,
    make_receipt,
)
from gateway.answers import response_codes as codes
from gateway.answers.envelope import answer
from gateway.answers.outcome import JSON, Outcome
from gateway.http.acts import own_route
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.fields import Fields
from store.database import Transaction

JOSE: Final = "application/jose"


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    principal, context = call.principal, call.context

    async def work(tx: Transaction) -> SignedReceipt:
        return await make_receipt(
            tx,
            principal,
            call.params["transaction_id"],
            rules=context.topup_rules,
            vault=context.vault,
            now_us=call.now_us,
        )

    made = await context.database.transaction(work)
    if JOSE.encode() in call.headers.get(b"accept", b""):
        name = f'attachment; filename="{made.topup.id}.jws"'
        headers = {"Content-Disposition": name, "Cache-Control": "private, no-store"}
        return Response(made.jws, media_type=JOSE, headers=headers)
    data = TopUpReceipt(
        transaction_id=made.topup.id,
        status=made.topup.status,
        receipt=made.jws,
        checkpoint=None if made.checkpoint is None else SealedDay.of_checkpoint(made.checkpoint),
        keys_url=f"{context.settings.public_url}{KEYS_PATH}",
    )
    return answer(
        codes.SUCCESS,
        data,
        now_us=call.now_us,
        status=made.topup.status,
        transaction_id=made.topup.id,
    )


RECEIPT_ROUTE: Final = own_route(
    RECEIPT, show, (Outcome(200, TopUpReceipt, media_types=(JSON, JOSE)),)
)
ROUTES = (RECEIPT_ROUTE,)
