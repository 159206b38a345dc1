"""The shapes of bulk sends: batches, their items, and what a dry run says."""

from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from billing.bulk import batch as batches
from billing.bulk.acts import Batch, BatchIdText
from billing.bulk.batch import SendBatch
from billing.bulk.item import ListedItem
from gateway.answers.outcome import Listing
from gateway.answers.refusals import Refusal
from gateway.answers.refused import Failure
from kernel.words import Cents, Count, Link, ScheduledFor, TransactionId, time_of
from webhooks.events.schemas import BatchCounts

Index = Annotated[int, Meta(ge=0, description="Which item, counted from 0.")]
ItemReference = Annotated[str | None, Meta(description="Its own; null where it cannot be read.")]


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

    @staticmethod
    def of(
        index: int, reference: str | None, refusal: Refusal, line: int | None = None
    ) -> "ItemError":
        return ItemError(
            index=index,
            reference=reference,
            code=refusal.code.code,
            message=refusal.message,
            # The object of a refusal, which may carry more than its declared fields.
            error=cast(Failure, refusal.error),
            line=UNSET if line is None else line,
            transaction_id=refusal.transaction_id or UNSET,
        )


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

    @staticmethod
    def of(listed: ListedItem, refusal: Refusal | None) -> "BatchLine":
        item, topup_status = listed
        state = "waiting" if item.state == "reserved" else item.state
        request = item.request
        return BatchLine(
            index=item.number,
            reference=item.reference,
            status=cast(Any, topup_status or state),
            transaction_id=None if topup_status is None else item.transaction_id,
            platform=None if request is None else request.platform,
            amount_cents=None if request is None else request.amount_cents,
            fee_cents=None if request is None else request.fee_cents,
            recipient_email=None if request is None else request.recipient_email,
            scheduled_for=None if request is None else time_of(request.send_at),
            code=None if refusal is None else refusal.code.code,
            error=None if refusal is None else cast(Failure, refusal.error),
        )


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
