"""Bulk sends as callers see them: batches, their items, and what a dry run says."""

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

Index = Annotated[int, Meta(ge=0, description="Which item, counted from 0.")]
ItemReference = Annotated[str | None, Meta(description="Its own; null where it cannot be read.")]


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
    """An item that is refused; code, message and error are those of a send."""

    index: Index
    reference: ItemReference
    code: Annotated[int, Meta(description="The code of a send that is refused so.")]
    message: str
    error: Annotated[Failure, Meta(description="What is wrong with it.")]
    line: Annotated[int, Meta(ge=1, description="Its line in the CSV.")] | UnsetType = UNSET
    transaction_id: (
        Annotated[TransactionId, Meta(description="The top-up that has its reference.")] | UnsetType
    ) = UNSET


class AcceptedBatch(Batch, kw_only=True):
    """A bulk send, and which of its items were refused."""

    errors: Annotated[list[ItemError], Meta(description="The items that were refused.")]
    next_action: Annotated[
        Literal["poll", "fix_request"] | None,
        Meta(
            description="How to go on; fix_request: send the items of errors again, repaired, and no others."
            " Null: it is over."
        ),
    ] = None
    links: Annotated[
        list[Link], Meta(description="What to poll, and how what is not delivered is taken back.")
    ] = msgspec.field(default_factory=list)


class BatchLine(Struct, kw_only=True):
    """An item. status: of its top-up; or waiting, refused, dropped. code and error: why it was refused."""

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
        Meta(description="Of its top-up; or waiting, refused, dropped."),
    ]
    transaction_id: Annotated[
        TransactionId | None, Meta(description="Its top-up; null: it was not accepted.")
    ]
    platform: str | None
    amount_cents: Cents | None
    fee_cents: Annotated[Cents | None, Meta(description="Charged beside the amount.")]
    recipient_email: str | None
    scheduled_for: ScheduledFor | None
    code: Annotated[
        int | None, Meta(description="Why it was refused, as a number; null: it was not.")
    ]
    error: Annotated[Failure | None, Meta(description="Why it was refused; null: it was not.")]


class BatchStory(Batch, kw_only=True):
    """A bulk send with a page of its items, in the order in which they came."""

    items: Annotated[Listing[BatchLine], Meta(description="A page of its items.")]


class BulkQuote(Struct, kw_only=True):
    """What a bulk send would do now; with all_or_nothing nothing is accepted where errors has one."""

    items_total: Count
    accepted: Annotated[Count, Meta(description="How many items would be accepted.")]
    refused: Annotated[Count, Meta(description="How many items would be refused.")]
    accepted_cents: Annotated[int, Meta(ge=0, description="The amounts, in US cents.")]
    fee_cents: Annotated[int, Meta(ge=0, description="Charged beside them, in US cents.")]
    charged_cents: Annotated[
        int, Meta(ge=0, description="What it would cost, amounts and fees, in US cents.")
    ]
    wallet_balance_cents: Cents
    wallet_balance_after_cents: Cents
    errors: Annotated[list[ItemError], Meta(description="The items that would be refused.")]


class RefusedBatch(Struct, kw_only=True):
    """What a bulk send of which nothing was accepted says of its batch."""

    id: BatchIdText
    status: Literal["completed", "refused"]
    counts: BatchCounts

    @staticmethod
    def of(batch: SendBatch, counts: batches.BatchCounts) -> "RefusedBatch":
        shown = Batch.with_counts(batch, counts)
        status: Any = "completed" if shown.status == "completed" else "refused"
        return RefusedBatch(id=shown.id, status=status, counts=shown.counts)


class RefusedBulk(Struct, kw_only=True):
    """A bulk send of which nothing was accepted, or would be, and why."""

    items_total: Annotated[int, Meta(ge=1)]
    errors: Annotated[list[ItemError], Meta(description="The items that were refused.")]
    error: Annotated[Failure, Meta(description="What the errors of its items have in common.")]
    batch: Annotated[RefusedBatch | None, Meta(description="Its batch; null: a dry run.")] = None
    quote: Annotated[BulkQuote | None, Meta(description="What a dry run found; else null.")] = None
