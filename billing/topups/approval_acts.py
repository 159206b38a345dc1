"""Approvals: an operator or an unrelated key decides on a held send."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Struct

from billing.ledger.ledger import InsufficientBalance
from billing.topups import approval as approvals, queries
from billing.topups.acts import code_kept, ended_outcome
from billing.topups.platform import InvalidPlatform
from billing.topups.queries import with_topups
from billing.topups.settlement import (
    Decide,
    EndedTopUp,
    RequesterBlocked,
    WrongStateForApproval,
)
from billing.topups.topup import TopUp
from billing.topups.views import DecidedTopUp
from kernel.errors import NotFound
from kernel.fields import ExportPage, Fields
from kernel.words import Cents, ChargedCents, KeyIdText
from keys.act import (
    MERCHANT,
    ActContext,
    CallContext,
    EngineAct,
    ListAct,
    PublicUrl,
    ReadAct,
    State,
    WaitQuery,
)
from keys.api_keys.api_key import makers_of
from keys.principal import Principal, ScopeMissing
from store.database import Database, Transaction
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
    key_name: Annotated[str | None, Meta(description="The key's name, if it still exists.")]


class AskedApproval(Approval, kw_only=True):
    """An approval and the send that needs it."""

    platform: str
    amount_cents: Cents
    charged_cents: ChargedCents
    recipient_email: str
    note: str | None
    requester: Annotated[
        Requester | None,
        Meta(
            description="The key that requested the send; null for a user or a credential without a key."
        ),
    ]
    sender_email: Annotated[
        str | None,
        Meta(description="The sender, if the reason is sender_left."),
    ]
    url: Annotated[str, Meta(description="The dashboard page on which a user decides.")]

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


async def find(context: CallContext, tx: Transaction) -> queries.AskedApproval:
    asked = await approvals.find(tx, context.object_id, now_us=context.now_us)
    if asked is None or asked.tenant != context.tenant:
        raise NotFound("Approval", param="id")
    return (await with_topups(tx, [asked]))[0]


async def show(context: ActContext, _asked: WaitQuery) -> AskedApproval:
    found = await find(context, context.tx)
    return AskedApproval.seen(found, context.service(PublicUrl).text)


async def decide(
    context: CallContext, _asked: Fields, decision: Literal["approved", "denied"]
) -> Decide:
    database, caller = context.database, context.caller
    found = await database.read(lambda tx: find(context, tx))
    asked, held = found.approval, found.topup
    _check_outside_lineage(caller, held)
    await _check_not_theirs(database, caller, asked)
    return Decide(
        topup_id=asked.transaction_id,
        tenant=asked.tenant,
        approval_id=asked.id,
        decision=decision,
        decided_by=caller.credential_id,
        spent_by=held.spent_by,
        actor=context.by,
    )


def _check_outside_lineage(caller: Principal, held: TopUp) -> None:
    if not set(held.spent_by).isdisjoint(caller.lineage):
        raise ScopeMissing(
            "A key related to the requesting key can't approve or deny the send. Use an unrelated key, or sign in.",
            reason="same_lineage",
        )


async def _check_not_theirs(
    database: Database, caller: Principal, asked: approvals.Approval
) -> None:
    lineage = caller.lineage
    if asked.reason != "sender_left" or not lineage:
        return
    makers = await database.read(lambda tx: makers_of(tx, lineage))
    if asked.requested_by in makers:
        raise ScopeMissing(
            "A key that the sender created can't approve or deny their send.", reason="same_lineage"
        )


def _decided(context: CallContext, ended: EndedTopUp) -> DecidedTopUp:
    decided = ended.approval
    return DecidedTopUp.of(
        ended.topup,
        code_kept(context, ended.topup),
        wallet_balance_cents=ended.wallet_balance_cents,
        approval=None if decided is None else decided.shape(),
    )


def _state_of(found: AskedApproval) -> State:
    return State(found.transaction_id, found.status, found.status, found.status != "pending")


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="approvals.list",
    summary="List sends that need approval, and decided ones",
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
    summary="Show an approval",
    description="With `wait_s`, the response arrives when the approval is decided or that many seconds have"
    " passed. If it is already decided, the response arrives immediately.",
    path="/approvals/{approval_id}",
    scopes=READS,
    audience=(MERCHANT,),
    query=WaitQuery,
    run=show,
    result=AskedApproval,
    state=_state_of,
    examples=("topup approvals show apr_5Fxp --wait-s 50",),
)
APPROVE: Final = EngineAct(
    name="approvals.approve",
    summary="Approve a held send",
    description="The rules are checked again. A key related to the sending key can't decide on its sends, nor can a key that"
    " the sender created. Nobody can decide after `expires_at`. If the sending key has ended, the"
    " top-up is cancelled, its funds are returned, and the response is 3009.",
    path="/approvals/{approval_id}/approve",
    scopes=("approvals:write",),
    audience=(MERCHANT,),
    input=Fields,
    command=partial(decide, decision="approved"),
    seen=_decided,
    result=DecidedTopUp,
    refuses=(WrongStateForApproval, RequesterBlocked, InsufficientBalance, InvalidPlatform),
    refusal=lambda ended: ended.refusal,
    told=ended_outcome,
    outcomes=("delivered", "pending", "scheduled", "ok"),
    moves_money=True,
    asks="Approve {amount_cents} of {platform} to {recipient_email}?",
    examples=("topup approvals approve apr_5Fxp",),
)
DENY: Final = EngineAct(
    name="approvals.deny",
    summary="Deny a held send",
    path="/approvals/{approval_id}/deny",
    scopes=("approvals:write",),
    audience=(MERCHANT,),
    input=Fields,
    command=partial(decide, decision="denied"),
    seen=_decided,
    result=DecidedTopUp,
    refuses=(WrongStateForApproval,),
    told=ended_outcome,
    moves_money=True,
    asks="Deny {amount_cents} of {platform} to {recipient_email}?",
    examples=("topup approvals deny apr_5Fxp",),
)
ACTS: Final = (LIST, SHOW, APPROVE, DENY)
