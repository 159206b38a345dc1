"""Reversals: take back a delivered top-up whose credit hasn't been used."""

from typing import Annotated, Final

from msgspec import Meta

from billing.fulfilment.suppliers import Suppliers
from billing.topups import topup as topups
from billing.topups.reverse import (
    REVERSAL_REASON_CHARACTERS_MAX,
    AlreadyUsed,
    Reverse,
    ReversedOutcome,
)
from billing.topups.topup import AlreadyEnded, TopUp
from billing.topups.views import Reversal, ReversedTopUp
from kernel.errors import NotFound
from kernel.fields import LINE, Fields
from keys.act import MERCHANT, CallContext, EngineAct, EnvelopeFacts
from store.database import Transaction


class ReverseBody(Fields, frozen=True, kw_only=True):
    """The reason for the reversal. The event and the history show it."""

    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=REVERSAL_REASON_CHARACTERS_MAX,
            pattern=LINE,
            description="The reason for the reversal. The event topup.reversed contains it.",
        ),
    ]


async def reverse(context: CallContext, asked: ReverseBody) -> Reverse:
    return Reverse(
        context.object_id,
        context.tenant,
        reason=asked.reason,
        requested_by=context.caller.credential_id,
        can_revoke=await _can_revoke(context),
    )


async def _can_revoke(context: CallContext) -> bool:
    async def work(tx: Transaction) -> TopUp | None:
        return (await topups.load(tx, [context.object_id])).get(context.object_id)

    found = await context.database.read(work)
    if found is None or found.tenant != context.tenant:
        return False
    supplier = context.service(Suppliers).find(found.environment, found.supplier)
    return supplier is not None and supplier.can_revoke


def _view(done: ReversedOutcome) -> ReversedTopUp:
    assert done.reversal is not None, "what is reversed or reversing has a reversal"
    reversal = Reversal.of(done.reversal)
    balance = done.wallet_balance_cents
    return ReversedTopUp.of(done.topup, wallet_balance_cents=balance, reversal=reversal)


def _reversal_outcome(done: ReversedOutcome, _: ReversedTopUp) -> EnvelopeFacts:
    asked = done.reversal
    at_us = None if asked is None else asked.ended_at or asked.requested_at
    return EnvelopeFacts(done.topup.id, done.topup.status, at_us=at_us)


REVERSE: Final = EngineAct(
    name="topups.reverse",
    summary="Reverse a delivered top-up that was not used",
    description="Credit in a wallet of this gateway returns immediately and in full, unless its voucher was"
    " redeemed. A supplier's delivery counts as used, unless that supplier can revoke it. If it can,"
    " the response is 202 with status reversing, and topup.reversed follows when the supplier"
    " confirms. If the supplier refuses, the top-up stays delivered. A repeated call returns the same"
    " result.",
    path="/topup/{transaction_id}/reverse",
    scopes=("topup:reverse",),
    audience=(MERCHANT,),
    input=ReverseBody,
    command=reverse,
    view=_view,
    result=ReversedTopUp,
    refuses=(AlreadyUsed, NotFound, AlreadyEnded),
    told=_reversal_outcome,
    outcomes=("reversed", "reversing"),
    is_pending=lambda shown: shown.status == "reversing",
    moves_money=True,
    asks="Take back {amount_cents} of {platform} from {recipient_email}?",
    examples=("topup topups reverse txn_4Kp1 --reason 'sent to the wrong person'",),
)
