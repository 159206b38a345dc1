"""Bulk sends: many top-ups in one call, accepted individually or all together."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta

from billing.bulk import batch, item as items
from billing.bulk.batch import ITEMS_MAX, SendBatch
from billing.bulk.runner import BatchRunner
from billing.bulk.views import AcceptedBatch, Batch, BatchStory
from billing.topups.send_acts import (
    SENDS,
    IntentField,
    OneSend,
    QuoteIdField,
    SenderReferenceField,
)
from kernel.fields import ExportPage, Fields
from keys.act import MERCHANT, ActContext, ApiAct, ApiRead, CallContext, ListAct, StepsAct
from keys.principal import key_bound_to_own
from store.database import Transaction
from store.keyset import Begin


class BulkItem(OneSend, frozen=True, kw_only=True):
    """One top-up of a bulk send. It has the fields of a single send, and a `reference` that is unique in the
    environment. An item whose `intent` was already used is refused, and the error names the earlier top-up.
    """

    quote_id: QuoteIdField | None = None
    intent: IntentField | None = None

    reference: Annotated[
        SenderReferenceField,
        Meta(description="Your own unique name for this item."),
    ]


class BulkBody(Fields, frozen=True, kw_only=True):
    """A bulk send. In CSV, each line is one item, and `all_or_nothing` and `dry_run` are query parameters."""

    items: Annotated[
        list[BulkItem], Meta(min_length=1, max_length=ITEMS_MAX, description="The items to send.")
    ]
    all_or_nothing: Annotated[bool, Meta(description="Accept all items or none.")] = False
    dry_run: Annotated[
        bool,
        Meta(description="Return the cost and errors without sending."),
    ] = False


class BulkQuery(Fields, frozen=True, kw_only=True):
    """Options for a bulk send whose body is CSV."""

    all_or_nothing: Annotated[bool, Meta(description="Accept all items or none.")] | None = None
    dry_run: bool | None = None


class ItemQuery(ExportPage, frozen=True, kw_only=True):
    """Select the items of a batch to list."""

    status: (
        Literal[
            "waiting",
            "refused",
            "dropped",
            "scheduled",
            "pending",
            "delivered",
            "failed",
            "cancelled",
            "reversing",
            "reversed",
        ]
        | None
    ) = None
    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,4}\Z")] | None = None


class CountedBatch(NamedTuple):
    batch: SendBatch
    counts: batch.BatchCounts

    @property
    def id(self) -> str:
        return self.batch.id


async def count(tx: Transaction, listed: Sequence[SendBatch]) -> list[CountedBatch]:
    open_ids = [one.id for one in listed if one.counts is None]
    counts = await items.count(tx, open_ids) if open_ids else {}
    return [CountedBatch(one, one.counts or counts[one.id]) for one in listed]


async def list_batches(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[CountedBatch]:
    tx, tenant = context.tx, context.tenant
    return await count(tx, await batch.page(tx, tenant, before_id=begin, limit=limit))


async def cancel(context: CallContext, _asked: Fields) -> CountedBatch:
    caller = context.caller
    cancelled = await context.service(BatchRunner).cancel(
        context.tenant,
        context.object_id,
        caller.credential_id,
        own_key=key_bound_to_own(caller),
    )
    (counted,) = await context.database.read(lambda tx: count(tx, [cancelled]))
    return counted


def _view(one: CountedBatch) -> Batch:
    return Batch.with_counts(*one)


READS: Final = ("topup:read",)
LIST: Final[ListAct[Any, Any]] = ListAct(
    name="batches.list",
    summary="List bulk sends, newest first",
    path="/batches",
    scopes=READS,
    audience=(MERCHANT,),
    query=ExportPage,
    run=list_batches,
    view=_view,
    result=Batch,
    prefix="bat",
    export=(
        *("id", "status", "all_or_nothing", "items_total"),
        *(f"counts.{name}" for name in batch.BatchCounts.__struct_fields__),
        *("key_id", "created_at", "accepted_at", "cancelled_at", "completed_at"),
    ),
    columns=("id", "status", "items_total", "created_at", "completed_at"),
    examples=("topup batches list",),
)
CANCEL: Final = StepsAct(
    name="batches.cancel",
    summary="Cancel the undelivered top-ups of a bulk send",
    description="Top-ups that are scheduled, wait for approval or were not handed to a supplier yet are"
    " cancelled, and their funds are returned. Top-ups that a supplier already has continue. A key"
    " can cancel what it or a descendant sent; anything else requires `topup:reverse`.",
    path="/batches/{batch_id}/cancel",
    scopes=SENDS,
    audience=(MERCHANT,),
    input=Fields,
    run=cancel,
    view=_view,
    result=Batch,
    lease_s=60,
    moves_money=True,
    is_for_paused=True,
    asks="Cancel what {batch_id} has not delivered yet?",
    examples=("topup batches cancel bat_3Nc7",),
)
SEND: Final = ApiAct(
    name="batches.send",
    summary="Send many top-ups in one call",
    description="Send at most 1,000 items, each with its own `reference`, as JSON or CSV (`Content-Type: text/csv`)."
    " A CSV's first line names the fields; metadata is `metadata.name`. Each item is accepted or refused separately,"
    " with the code and error of a single send. With `all_or_nothing`, one refused item refuses all. The response"
    " arrives when every result is stored. Give an Idempotency-Key, and a repeated call sends nothing twice. An item"
    " whose `intent` was already used is refused with that top-up's ID. If nothing was accepted, the response is 422"
    " with 3010. With `dry_run` nothing is written, and the response is 200 with the cost.",
    path="/topup/bulk",
    status=202,
    scopes=SENDS,
    audience=(MERCHANT,),
    input=BulkBody,
    result=AcceptedBatch,
    moves_money=True,
    asks="Send every item of the file? --dry-run says what it costs.",
    examples=(
        "topup batches send --items @payroll.json",
        "topup batches send --items @may.json --dry-run",
    ),
)
SHOW: Final = ApiRead(
    name="batches.show",
    summary="Show a bulk send with its items",
    path="/batches/{batch_id}",
    scopes=READS,
    audience=(MERCHANT,),
    query=ItemQuery,
    result=BatchStory,
    examples=("topup batches show bat_3Nc7",),
)
ACTS: Final = (LIST, CANCEL)
COMMANDS: Final = (*ACTS, SEND, SHOW)
