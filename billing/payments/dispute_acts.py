"""Refunds and disputes: the disputes of all accounts, for operators."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, cast

from msgspec import Meta, Struct, convert

from billing.payments import disputes
from billing.payments.disputes import DisputeState
from kernel.fields import Page
from kernel.words import MinorUnits, Time
from keys.act import ActContext, ListAct
from store.keyset import Begin, cut


class DisputesQuery(Page, frozen=True, kw_only=True):
    """Filters of the list. The cursor comes from the previous page."""

    state: Annotated[
        DisputeState,
        Meta(description="open: the nearest end of evidence first. ended: the latest first."),
    ] = "open"


class Dispute(Struct, kw_only=True):
    """A dispute that a payer's bank opened, or its inquiry, which took no money."""

    id: Annotated[str, Meta(description="The provider's.")]
    provider: str
    account_id: Annotated[str | None, Meta(description="The account's id; null: unknown.")]
    order_id: Annotated[str | None, Meta(description="The order's id; null: none of ours.")]
    amount: MinorUnits
    currency: Annotated[str, Meta(description="ISO 4217.")]
    status: Annotated[str, Meta(description="In the provider's own words.")]
    reason: Annotated[str, Meta(description="In the provider's own words.")]
    is_inquiry: bool
    evidence_due_at: Annotated[
        Time | None,
        Meta(description="Until when evidence counts; null where the provider does not tell."),
    ]
    page_url: str | None
    created_at: Time
    ended_at: Time | None

    @classmethod
    def of(cls, dispute: disputes.Dispute) -> "Dispute":
        return convert(dispute.shape(), cls)


async def list_disputes(
    context: ActContext, asked: DisputesQuery, begin: Begin, limit: int
) -> Sequence[disputes.Dispute]:
    found = await disputes.page_of_disputes(
        context.tx,
        context.environment,
        state=asked.state,
        after=cast(str | None, begin),
        limit=limit + 1,
    )
    return cut(found, limit, attrgetter("cursor"))


LIST_DISPUTES = ListAct(
    name="disputes.list",
    summary="Disputes: the open ones, the nearest end of evidence first, or the ended ones",
    path="/disputes",
    query=DisputesQuery,
    run=list_disputes,
    view=Dispute.of,
    result=Dispute,
    own_cursors=True,
    is_catalogue=True,
    summed=("amount", "currency"),
    columns=(
        "id",
        "provider",
        "status",
        "reason",
        "amount",
        "order_id",
        "evidence_due_at",
        "page_url",
    ),
    examples=("topup disputes list --environment live",),
)
ACTS = (LIST_DISPUTES,)
