"""Top-ups: list, show, wait for and cancel them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta

from billing.topups import queries
from billing.topups.queries import TopUpTimeline
from billing.topups.rules import TopUpRules
from billing.topups.settlement import Cancel, EndedTopUp
from billing.topups.topup import AlreadyDelivered, AlreadyEnded, TopUp
from billing.topups.views import (
    EventOfTopUp,
    FulfilmentAttempt,
    RecipientMail,
    Reversal,
    SettledTopUp,
    TopUp as ShownTopUp,
    TopUpStory,
    Transfer,
)
from kernel.errors import NotFound
from kernel.fields import ExportPage, Fields, Text, Time, time_us
from kernel.words import CallerReferenceField, TopUpStatus
from keys.act import (
    MERCHANT,
    ActContext,
    CallContext,
    EngineAct,
    EnvelopeFacts,
    ListAct,
    ReadAct,
    State,
    WaitQuery,
)
from keys.normalise import InvalidEmail, normalise_email
from keys.principal import ADMIN, key_bound_to_own
from store.keyset import Begin

READS: Final = ("topup:read",)
WAITING: Final = frozenset[TopUpStatus]({"pending", "scheduled", "reversing"})
_COLUMNS = (
    *("transaction_id", "status", "platform", "amount_cents", "fee_cents", "charged_cents"),
    *("recipient_email", "voucher_code_hint", "new_balance_cents", "reference", "note"),
    *("failure_reason", "key_id", "scheduled_for", "created_at", "settled_at", "claimed_at"),
    *("emailed_at", "metadata", "key_name"),
)


class CancelBody(Fields, frozen=True, kw_only=True):
    """The top-up to cancel."""

    transaction_id: Text


class HistoryQuery(ExportPage, frozen=True, kw_only=True):
    """Filters for the history. `created_after` is inclusive, and `created_before` is exclusive."""

    status: (
        Annotated[TopUpStatus, Meta(description="Return only top-ups in this state.")] | None
    ) = None
    platform: Annotated[Text, Meta(description="Return only top-ups of this platform.")] | None = (
        None
    )
    recipient_email: (
        Annotated[str, Meta(max_length=320, description="Return only top-ups to this recipient.")]
        | None
    ) = None
    reference: (
        Annotated[
            CallerReferenceField, Meta(description="Return only the top-up with this reference.")
        ]
        | None
    ) = None
    key_id: Annotated[Text, Meta(description="Return only top-ups that this key sent.")] | None = (
        None
    )
    created_after: Time | None = None
    created_before: Time | None = None


def wanted_of(asked: HistoryQuery) -> queries.TopUpFilter:
    address = asked.recipient_email
    return queries.TopUpFilter(
        status=asked.status,
        platform=None if asked.platform is None else asked.platform.strip().lower(),
        recipient_email=None if address is None else normalise_email(address),
        reference=asked.reference,
        key_id=asked.key_id,
        created_after=time_us(asked.created_after, "created_after"),
        created_before=time_us(asked.created_before, "created_before"),
    )


async def list_topups(
    context: ActContext, asked: HistoryQuery, begin: Begin, limit: int
) -> Sequence[TopUp]:
    wanted = wanted_of(asked)
    return await queries.page(context.tx, context.tenant, wanted, before_id=begin, limit=limit)


async def show(context: ActContext, _asked: WaitQuery) -> TopUpTimeline:
    topup_id, now_us = context.object_id, context.now_us
    return await queries.topup_timeline(context.tx, context.tenant, topup_id, now_us=now_us)


async def cancel(context: CallContext, asked: CancelBody) -> Cancel:
    caller = context.caller
    own_key = key_bound_to_own(caller)
    return Cancel(asked.transaction_id, context.tenant, caller.credential_id, own_key)


def _seen(context: CallContext, topup: TopUp) -> ShownTopUp:
    return ShownTopUp.of(topup, *_codes(context, topup), claim_url=_claim_url(context, topup))


def _codes(context: CallContext, topup: TopUp) -> tuple[str | None, str | None]:
    codes, caller = context.service(TopUpRules).codes, context.caller
    return codes.shown(topup, caller), codes.value_shown(topup, caller)


def _claim_url(context: CallContext, topup: TopUp) -> str | None:
    return context.service(TopUpRules).claim_url_shown(topup, context.caller)


def _story(context: CallContext, timeline: TopUpTimeline) -> TopUpStory:
    topup, is_operator = timeline.topup, ADMIN in context.caller.scopes
    public_url = context.service(TopUpRules).public_url
    return TopUpStory.of(
        topup,
        *_codes(context, topup),
        attempts=[
            FulfilmentAttempt.seen_by(one, is_operator=is_operator) for one in timeline.attempts
        ],
        supplier=topup.supplier if is_operator else None,
        cost_cents=timeline.cost_cents if is_operator else None,
        transfers=[Transfer(**one) for one in timeline.transfers],
        events=[EventOfTopUp(**one) for one in timeline.events],
        claim_url=_claim_url(context, topup),
        mails=[RecipientMail.of(one) for one in timeline.mails],
        reversal=None if timeline.reversal is None else Reversal.of(timeline.reversal),
        approval_id=UNSET if timeline.approval_id is None else timeline.approval_id,
        request_id=timeline.request_id,
        url=f"{public_url}/dashboard/topups/{topup.id}",
    )


def _state_of(timeline: TopUpTimeline) -> State:
    topup = timeline.topup
    is_final = topup.status not in WAITING
    return State(topup.id, topup.status, timeline.approval_status, is_final)


def _story_outcome(timeline: TopUpTimeline, _: TopUpStory) -> EnvelopeFacts:
    is_asked = timeline.approval_status == "pending"
    approval_id = timeline.approval_id if is_asked else None
    return EnvelopeFacts(timeline.topup.id, timeline.topup.status, approval_id)


def code_kept(context: CallContext, topup: TopUp) -> str | None:
    # A supplier's code can't be computed again. A stored response contains only a hint of it.
    is_own = topup.fulfilment_code is None
    codes = context.service(TopUpRules).codes
    return codes.shown(topup, context.caller) if is_own else None


def ended_outcome(ended: EndedTopUp, shown: SettledTopUp) -> EnvelopeFacts:
    topup = ended.topup
    return EnvelopeFacts(
        topup.id, topup.status, voucher_of=topup.id, voucher_code=shown.voucher_code
    )


def _settled(ended: EndedTopUp) -> SettledTopUp:
    return SettledTopUp.of(ended.topup, wallet_balance_cents=ended.wallet_balance_cents)


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="topups.list",
    summary="List top-ups, newest first",
    path="/topup/history",
    scopes=READS,
    audience=(MERCHANT,),
    query=HistoryQuery,
    run=list_topups,
    view=ShownTopUp.of,
    seen=_seen,
    result=ShownTopUp,
    refuses=(InvalidEmail,),
    prefix="txn",
    sorts=queries.SORTS,
    export=_COLUMNS,
    named_by="transaction_id",
    columns=(
        *("transaction_id", "status", "amount_cents", "platform", "recipient_email"),
        "created_at",
    ),
    examples=("topup topups list --status pending",),
)
SHOW: Final = ReadAct(
    name="topups.show",
    summary="Show a top-up with its ledger transfers and events",
    description="The status is 200 in every state, and the code tells the state. With `wait_s`, the response arrives"
    " when the state changes or that many seconds have passed. If the state is final, it arrives immediately.",
    path="/topup/status/{transaction_id}",
    scopes=READS,
    audience=(MERCHANT,),
    query=WaitQuery,
    run=show,
    seen=_story,
    result=TopUpStory,
    state=_state_of,
    told=_story_outcome,
    outcomes=(
        *("delivered", "pending", "scheduled", "reversing"),
        *("failed", "cancelled", "reversed"),
    ),
    named_by="transaction_id",
    examples=("topup topups show txn_4Kp1 --wait-s 50",),
)
CANCEL: Final = EngineAct(
    name="topups.cancel",
    summary="Cancel a scheduled or pending top-up",
    description="The funds return to where they came from, and topup.cancelled is sent. A key can cancel what it"
    " or a descendant sent; anything else requires `topup:reverse`.",
    path="/topup/cancel",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=CancelBody,
    about="transaction_id",
    command=cancel,
    view=_settled,
    result=SettledTopUp,
    refuses=(AlreadyDelivered, NotFound, AlreadyEnded),
    told=ended_outcome,
    outcomes=("cancelled",),
    moves_money=True,
    is_for_paused=True,
    asks="Cancel the {amount_cents} of {platform} to {recipient_email}?",
    examples=("topup topups cancel txn_4Kp1",),
)
ACTS: Final = (CANCEL, LIST, SHOW)
