"""Receipts: signed, provable without us, GET /topup/{transaction_id}/receipt."""

from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.responses import Response

from billing.checkpoints.checkpoint import Checkpoint, shape_of
from billing.reports.topup_receipt import SignedReceipt, make_receipt
from gateway.answers import response_codes as codes
from gateway.answers.envelope import answer
from gateway.answers.outcome import JSON, Outcome
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import Fields
from kernel.words import Count, Environment, Time, TopUpStatus, TransactionId
from store.database import Transaction

JOSE: Final = "application/jose"
KEYS_PATH: Final = "/.well-known/receipt-keys"
_Hex = Annotated[str, Meta(description="32 bytes in hex.", pattern="^[0-9a-f]{64}$")]


class SealedDay(Struct, kw_only=True):
    """A UTC day of an environment's ledger as it was sealed."""

    environment: Environment
    day: Annotated[str, Meta(description="As 2026-11-22, UTC.")]
    size: Annotated[Count, Meta(description="Transfers of the day, of all accounts.")]
    late: Annotated[
        Count, Meta(description="Of them, of an earlier day: they committed after it was sealed.")
    ]
    root: Annotated[_Hex, Meta(description="Of the Merkle tree (RFC 6962) over the transfers.")]
    digest: Annotated[
        _Hex, Meta(description="SHA-256 of the signed statement, which the next day's names.")
    ]
    sealed_at: Time
    jws: Annotated[str, Meta(description="The signed statement: what a witness keeps.")]


class TopUpReceipt(Struct, kw_only=True):
    """A top-up's receipt, to keep and to check without the gateway."""

    transaction_id: TransactionId
    status: TopUpStatus
    receipt: Annotated[
        str,
        Meta(
            description="JWS in compact form, Ed25519: payment, transfers with their proofs, the"
            " deliverable's digest, mandate and approval. `topup verify-receipt` checks it."
        ),
    ]
    checkpoint: Annotated[
        SealedDay | None,
        Meta(
            description="The sealed day of its last transfer; null until all are sealed: ask again a day"
            " later."
        ),
    ]
    keys_url: Annotated[str, Meta(description="The public keys as a JWK Set.")]


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
        checkpoint=None if made.checkpoint is None else shown(made.checkpoint),
        keys_url=f"{context.settings.public_url}{KEYS_PATH}",
    )
    return answer(
        codes.SUCCESS,
        data,
        now_us=call.now_us,
        status=made.topup.status,
        transaction_id=made.topup.id,
    )


def shown(one: Checkpoint) -> SealedDay:
    return SealedDay(**shape_of(one))  # type: ignore[arg-type]


RECEIPT: Final = Route(
    "GET",
    "/topup/{transaction_id}/receipt",
    show,
    "A top-up's receipt that proves itself",
    scopes=("billing:read",),
    description=(
        "Signed with Ed25519. Each transfer has its place in a sealed day of the ledger, once that is"
        " sealed: an hour after the UTC day's end. With `Accept: application/jose` the JWS alone. What"
        " was delivered stands in it as a digest; the nonce that it can be compared with is there for"
        " who may see the code. 3003 with reason not_ended while it waits."
    ),
    answers=(Outcome(200, TopUpReceipt, media_types=(JSON, JOSE)),),
    refuses=(codes.NOT_FOUND,),
)
ROUTES = (RECEIPT,)
