"""Approvals: an operator, or a key outside the requester's lineage, decides on a held send."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Struct

from billing.topups import approval as approvals, queries
from billing.topups.queries import with_topups
from billing.topups.rules import PublicUrl
from kernel.errors import NotFound
from kernel.fields import ExportPage
from kernel.words import Cents, ChargedCents, KeyIdText
from keys.act import MERCHANT, ActContext, ListAct, ReadAct, State, WaitQuery
from store.keyset import Begin
from webhooks.events.schemas import Approval

READS: Final = ("topup:read", "approvals:write")
_EXPORT: Final = (
    *("id", "status", "transaction_id", "platform", "amount_cents", "charged_cents"),
    *("recipient_email", "note", "requested_by", "requester.key_name", "decided_by"),
    *("created_at", "expires_at", "decided_at", "reason", "sender_email"),
)


class Requester(Struct, kw_only=True):
    """The requesting key."""

    key_id: KeyIdText
    key_name: Annotated[str | None, Meta(description="Null: the key is gone.")]


class AskedApproval(Approval, kw_only=True):
    """An approval with what it decides on."""

    platform: str
    amount_cents: Cents
    charged_cents: ChargedCents
    recipient_email: str
    note: str | None
    requester: Annotated[
        Requester | None, Meta(description="Null: a person asked, or a credential without a key.")
    ]
    sender_email: Annotated[
        str | None, Meta(description="Of `sender_left`: who sent it. Null: a key or a token did.")
    ]
    url: Annotated[str, Meta(description="The page of the dashboard where a person decides.")]

    @classmethod
    def seen(cls, asked: queries.AskedApproval, public_url: str) -> Self:
        one, topup = asked.approval, asked.topup
        key_id = one.requested_by if one.reason == "threshold" else None
        return cls.of(
            one,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            charged_cents=topup.charged_cents,
            recipient_email=topup.recipient_email,
            note=topup.note,
            requester=None if key_id is None else Requester(key_id=key_id, key_name=asked.key_name),
            sender_email=asked.sender_email,
            url=f"{public_url}/dashboard/approvals/{one.id}",
        )


class ApprovalQuery(ExportPage, frozen=True, kw_only=True):
    """Which approvals."""

    status: Literal["pending", "approved", "denied", "cancelled", "expired"] | None = None


async def list_approvals(
    context: ActContext, asked: ApprovalQuery, begin: Begin, limit: int
) -> Sequence[AskedApproval]:
    tx, now_us = context.tx, context.now_us
    page = await approvals.page(
        tx, context.tenant, status=asked.status, before_id=begin, limit=limit, now_us=now_us
    )
    url = context.service(PublicUrl).text
    return [AskedApproval.seen(one, url) for one in await with_topups(tx, page)]


async def find(context: ActContext) -> queries.AskedApproval:
    asked = await approvals.find(context.tx, context.object_id, now_us=context.now_us)
    if asked is None or asked.tenant != context.tenant:
        raise NotFound("Approval", param="id")
    return (await with_topups(context.tx, [asked]))[0]


async def show(context: ActContext, _asked: WaitQuery) -> AskedApproval:
    return AskedApproval.seen(await find(context), context.service(PublicUrl).text)


def _state_of(found: AskedApproval) -> State:
    return State(found.transaction_id, found.status, found.status, found.status != "pending")


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="approvals.list",
    summary="Sends that wait for a person, and decided ones",
    path="/approvals",
    scopes=READS,
    audience=(MERCHANT,),
    query=ApprovalQuery,
    run=list_approvals,
    result=AskedApproval,
    prefix="apr",
    export=_EXPORT,
    columns=("id", "status", "amount_cents", "platform", "recipient_email"),
    examples=("topup approvals list --status pending",),
)
SHOW: Final = ReadAct(
    name="approvals.show",
    summary="One approval",
    description=(
        "With `wait_s` it answers as soon as somebody has decided, or after so many seconds; at"
        " once where it is decided."
    ),
    path="/approvals/{approval_id}",
    scopes=READS,
    audience=(MERCHANT,),
    query=WaitQuery,
    run=show,
    result=AskedApproval,
    state=_state_of,
    examples=("topup approvals show apr_5Fxp --wait-s 50",),
)
ACTS: Final = (LIST, SHOW)
