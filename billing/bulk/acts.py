"""Bulk sends: the list of them, and taking one back. gateway/api/bulk.py sends and shows one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from msgspec import Meta
from msgspec.structs import asdict

from billing.bulk import batch, item as items
from billing.bulk.batch import SendBatch
from billing.bulk.runner import BatchRunner
from kernel.fields import ExportPage, Fields
from kernel.shaped import Shaped
from kernel.words import KeyIdText, Time
from keys.act import MERCHANT, ActContext, CallContext, ListAct, StepsAct
from keys.principal import key_bound_to_own
from store.database import Transaction
from store.keyset import Begin
from webhooks.events.schemas import BatchCounts

BatchIdText = Annotated[str, Meta(pattern=r"^bat_[0-9A-Za-z]+$")]
# While a batch is being released or undone, it looks like one state.
_SHOWN: Mapping[str, str] = {"releasing": "accepting", "undoing": "refused"}


class Batch(Shaped, kw_only=True):
    """A bulk send. status accepting: not every item is accepted or refused yet; running: some have not
    ended; completed: all have; refused: of all or nothing, none was accepted.
    """

    id: BatchIdText
    status: Literal["accepting", "running", "completed", "refused"]
    all_or_nothing: bool
    items_total: Annotated[int, Meta(ge=1)]
    counts: BatchCounts
    key_id: Annotated[KeyIdText | None, Meta(description="That sent it; null: no key.")]
    created_at: Time
    accepted_at: Annotated[
        Time | None, Meta(description="When every item was accepted or refused.")
    ]
    cancelled_at: Annotated[Time | None, Meta(description="When somebody took it back.")]
    completed_at: Annotated[Time | None, Meta(description="When every item had ended.")]

    @classmethod
    def with_counts(cls, one: SendBatch, counts: batch.BatchCounts, /, **more: Any) -> Self:
        return cls.of(
            one,
            status=_SHOWN.get(one.status, one.status),
            all_or_nothing=one.is_all_or_nothing,
            items_total=one.items,
            counts=BatchCounts(**asdict(counts), accepted=counts.accepted),
            **more,
        )


class CountedBatch(NamedTuple):
    """A batch with its items by where they are now."""

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


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="batches.list",
    summary="Bulk sends, newest first",
    path="/batches",
    scopes=("topup:read",),
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
    summary="Take back what is not delivered yet",
    description=(
        "What is scheduled, waits for a person or was not handed over yet is cancelled, and its"
        " funds come back. What is with its platform already goes on. A key takes back what it or a key"
        " below it sent; what others sent, with `topup:reverse`."
    ),
    path="/batches/{batch_id}/cancel",
    scopes=("topup:send",),
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
ACTS: Final = (LIST, CANCEL)
