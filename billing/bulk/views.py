"""Define bulk sends as callers see them: batches, items, and the result of a dry run."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from billing.bulk import batch as batches
from billing.bulk.batch import SendBatch
from kernel.refused import Failure
from kernel.shaped import Listing, Shaped
from kernel.words import Cents, Count, KeyIdText, Link, ScheduledFor, Time, TransactionId
from webhooks.events.schemas import BatchCounts

Index = Annotated[int, Meta(ge=0, description="The item's position, counted from 0.")]
ItemReference = Annotated[str | None, Meta(description="The item's reference, if readable.")]


BatchIdText = Annotated[str, Meta(pattern=r"^bat_[0-9A-Za-z]+$")]
_SHOWN: Mapping[str, str] = {"releasing": "accepting", "undoing": "refused"}


class Batch(Shaped, kw_only=True):
    """A bulk send. Its status is one of:

    - accepting: some items haven't been accepted or refused yet.
    - running: every item is accepted or refused, but some top-ups aren't final.
    - completed: all top-ups are final.
    - refused: nothing was accepted, because one item of an all-or-nothing send was refused.
    """

    id: BatchIdText
    status: Literal["accepting", "running", "completed", "refused"]
    all_or_nothing: bool
    items_total: Annotated[int, Meta(ge=1)]
    counts: BatchCounts
    key_id: Annotated[KeyIdText | None, Meta(description="The key that sent it; null if none did.")]
    created_at: Time
    accepted_at: Annotated[
        Time | None, Meta(description="When all items were accepted or refused.")
    ]
    cancelled_at: Annotated[Time | None, Meta(description="The time of cancellation.")]
    completed_at: Annotated[Time | None, Meta(description="When every top-up had ended.")]

    @classmethod
    def with_counts(cls, one: SendBatch, counts: batches.BatchCounts, /, **more: Any) -> Self:
        return cls.of(
            one,
            status=_SHOWN.get(one.status, one.status),
            all_or_nothing=one.is_all_or_nothing,
            items_total=one.items,
            counts=BatchCounts(**asdict(counts), accepted=counts.accepted),
            **more,
        )


class ItemError(Struct, kw_only=True):
    """A refused item. `code`, `message` and `error` are the same as for a refused single send."""

    index: Index
    reference: ItemReference
    code: Annotated[int, Meta(description="The error code, as for a single send.")]
    message: str
    error: Annotated[Failure, Meta(description="The reason for the refusal.")]
    line: Annotated[int, Meta(ge=1, description="The item's line in the CSV.")] | UnsetType = UNSET
    transaction_id: (
        Annotated[
            TransactionId,
            Meta(description="The earlier top-up that has the same reference or intent."),
        ]
        | UnsetType
    ) = UNSET


class AcceptedBatch(Batch, kw_only=True):
    """A bulk send, with its refused items."""

    errors: Annotated[list[ItemError], Meta(description="The items that were refused.")]
    next_action: Annotated[
        Literal["poll", "fix_request"] | None,
        Meta(
            description="What to do next. poll: call again later. fix_request: fix the items in `errors` and send only"
            " those again. Null: nothing."
        ),
    ] = None
    links: Annotated[
        list[Link],
        Meta(description="Links to poll the bulk send and to cancel what isn't delivered."),
    ] = msgspec.field(default_factory=list)


class BatchLine(Struct, kw_only=True):
    """One item of a bulk send. `status` is its top-up's status, or waiting, refused or dropped."""

    index: Index
    reference: ItemReference
    status: Annotated[
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
        ],
        Meta(description="The status of the item's top-up, or waiting, refused or dropped."),
    ]
    transaction_id: Annotated[TransactionId | None, Meta(description="The top-up, if accepted.")]
    platform: str | None
    amount_cents: Cents | None
    fee_cents: Annotated[Cents | None, Meta(description="The fee, in addition to the amount.")]
    recipient_email: str | None
    scheduled_for: ScheduledFor | None
    code: Annotated[int | None, Meta(description="The error code, if the item was refused.")]
    error: Annotated[Failure | None, Meta(description="The reason for the refusal, if any.")]


class BatchStory(Batch, kw_only=True):
    """A bulk send, with a page of its items in the order in which they were sent."""

    items: Annotated[Listing[BatchLine], Meta(description="A page of the items.")]


class BulkQuote(Struct, kw_only=True):
    """The result of a dry run: what the bulk send would cost now, and which items would be refused. With
    `all_or_nothing`, a refused item causes all items to be refused.
    """

    items_total: Count
    accepted: Annotated[Count, Meta(description="Items that would be accepted.")]
    refused: Annotated[Count, Meta(description="Items that would be refused.")]
    accepted_cents: Annotated[int, Meta(ge=0, description="All accepted amounts, in US cents.")]
    fee_cents: Annotated[int, Meta(ge=0, description="The sum of the fees, in US cents.")]
    charged_cents: Annotated[int, Meta(ge=0, description="The total cost, in US cents.")]
    wallet_balance_cents: Cents
    wallet_balance_after_cents: Cents
    errors: Annotated[list[ItemError], Meta(description="The items that would be refused.")]


class RefusedBatch(Struct, kw_only=True):
    """The batch of a bulk send in which no item was accepted."""

    id: BatchIdText
    status: Literal["completed", "refused"]
    counts: BatchCounts

    @staticmethod
    def of(batch: SendBatch, counts: batches.BatchCounts) -> "RefusedBatch":
        shown = Batch.with_counts(batch, counts)
        status: Any = "completed" if shown.status == "completed" else "refused"
        return RefusedBatch(id=shown.id, status=status, counts=shown.counts)


class RefusedBulk(Struct, kw_only=True):
    """A bulk send in which no item was accepted, or a dry run in which none would be."""

    items_total: Annotated[int, Meta(ge=1)]
    errors: Annotated[list[ItemError], Meta(description="The items that were refused.")]
    error: Annotated[Failure, Meta(description="The error that summarises those of the items.")]
    batch: Annotated[RefusedBatch | None, Meta(description="The bulk send, unless dry_run.")] = None
    quote: Annotated[BulkQuote | None, Meta(description="The result, if dry_run.")] = None
