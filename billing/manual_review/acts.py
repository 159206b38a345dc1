"""Manual review: list top-ups that are waiting for a supplier or an operator, and decide on them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta, Struct

from billing.fulfilment.kinds import SupplierKinds
from billing.fulfilment.suppliers import Suppliers
from billing.manual_review import decisions, waiting
from billing.manual_review.decisions import REASON_CHARACTERS_MAX, Person, ReviewCommand
from billing.manual_review.rules import MEANINGS, NotNow, ReviewAct, ReviewedTopUp
from billing.manual_review.waiting import VIEWS, ReviewFilter, View
from billing.topups.fulfilment import StillOpen
from billing.topups.platform_rows import list_suppliers
from billing.topups.plausible import DeliveryTerms
from billing.topups.reverse import AlreadyUsed, EndReversal, Reverse, ReversedOutcome
from billing.topups.rules import TopUpRules
from billing.topups.settlement import AwaitsApproval
from billing.topups.supplier_words import SupplierWord, last_handed_over, load_words
from billing.topups.topup import (
    AlreadyDelivered,
    AlreadyEnded,
    Deliverable,
    DeliverableRefused,
    TopUp,
    checked_deliverable,
)
from kernel.clock import HOUR_US, time_of
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields, Page, ShortText, document_of, said
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import Cents, Environment, Time, TransactionId
from keys.act import (
    OPERATOR,
    ActContext,
    AnyChange,
    CallContext,
    Command,
    EngineAct,
    ListAct,
    ReadAct,
    StepsAct,
)
from store.database import Database, Transaction
from store.keyset import Begin

ShownDeliverable = Annotated[
    dict[str, Any] | None, Meta(description="The delivery, without its value.")
]


class WaitingTopUp(Shaped, kw_only=True):
    """A top-up at a supplier, and what it is waiting for."""

    transaction_id: TransactionId
    account_id: str
    environment: Environment
    platform: str
    amount_cents: Cents
    recipient_email: str
    created_at: Time
    supplier: Annotated[str | None, Meta(description="The supplier that has the top-up.")]
    state: Annotated[str, Meta(description="The reason for waiting, or the final result.")]
    overdue: Annotated[bool, Meta(description="Whether the task is late, or older than a day.")]
    outcome: Annotated[str | None, Meta(description="The outcome of the last attempt.")]
    detail: Annotated[str | None, Meta(description="The supplier's last message.")]
    requests_made: Annotated[int, Meta(description="How often suppliers were called.")]
    next_check_at: Time | None
    due_at: Annotated[Time | None, Meta(description="When the task is due.")]
    taken_by: Annotated[str | None, Meta(description="The operator who has taken the task.")]

    @classmethod
    def of(cls, seen: ReviewedTopUp, /, **more: Any) -> Self:
        return super().of(seen.topup, **_waiting(seen), **more)


class ShownAttempt(Shaped, kw_only=True):
    """One attempt at a supplier, with the number of calls made."""

    supplier: str
    kind: Annotated[str, Meta(description="The kind of supplier.")]
    outcome: Annotated[str, Meta(description="The outcome so far.")]
    detail: Annotated[str | None, Meta(description="The supplier's message.")]
    requests_made: Annotated[int, Meta(description="The number of calls to the supplier.")]
    requested_at: Time
    last_requested_at: Time
    ended_at: Time | None
    cost_cents: Cents | None


class ShownWord(Shaped, kw_only=True):
    """A late or contradictory response from a supplier. It was stored and had no effect."""

    supplier: str
    word: Annotated[str, Meta(description="The outcome in the response: delivered or failed.")]
    why: Annotated[
        str, Meta(description="The reason why the response had no effect, such as late.")
    ]
    detail: Annotated[str, Meta(description="The same reason in a sentence.")]
    kind: Annotated[str | None, Meta(description="The kind of delivery in the response.")]
    hint: Annotated[str | None, Meta(description="The last characters of the delivered value.")]
    cost_cents: Cents | None
    received_at: Time
    last_received_at: Time
    times: Annotated[int, Meta(description="How often the response arrived.")]
    seen_at: Time | None
    seen_by: Annotated[
        str | None, Meta(description="The operator who marked the response as seen.")
    ]


class TopUpReview(WaitingTopUp, kw_only=True):
    """A top-up with all its supplier attempts, and what this operator can do now."""

    status: str
    failure_reason: str | None
    deliverable: ShownDeliverable
    means: Annotated[str, Meta(description="The state in a sentence.")]
    acts: Annotated[list[str], Meta(description="The actions that this operator can take now.")]
    attempts: Annotated[list[ShownAttempt], Meta(description="The attempts, oldest first.")]
    words: Annotated[list[ShownWord], Meta(description="Late or contradictory responses.")]


class DecidedTopUp(Shaped, kw_only=True):
    """A top-up after an operator's decision."""

    transaction_id: TransactionId
    status: str
    supplier: str | None
    failure_reason: str | None
    deliverable: ShownDeliverable

    @classmethod
    def of(cls, ended: Any, /, **_more: Any) -> Self:
        topup: TopUp = ended.topup
        return super().of(
            topup,
            transaction_id=topup.id,
            deliverable=None if topup.given is None else topup.given.shape(),
        )


class SeenWords(Struct, kw_only=True):
    """How many supplier responses were marked as seen."""

    transaction_id: TransactionId
    seen: Annotated[int, Meta(description="How many were marked.")]


def review_of(seen: ReviewedTopUp, words: Sequence[SupplierWord], person: str) -> TopUpReview:
    given = seen.topup.given
    return TopUpReview.of(
        seen,
        deliverable=None if given is None else given.shape(),
        means=MEANINGS[seen.state],
        acts=list(seen.acts(person)),
        attempts=[ShownAttempt.of(one) for one in seen.attempts],
        words=[ShownWord.of(one) for one in words],
    )


def _waiting(seen: ReviewedTopUp) -> dict[str, Any]:
    topup, task = seen.topup, seen.open_task
    last = seen.attempts[-1] if seen.attempts else None
    return {
        "transaction_id": topup.id,
        "state": topup.status if seen.state == "ended" else seen.state,
        "overdue": seen.is_overdue,
        "outcome": None if last is None else last.outcome,
        "detail": None if last is None else last.detail,
        "requests_made": sum(one.requests_made for one in seen.attempts),
        "due_at": None if task is None else time_of(task.due_at),
        "taken_by": None if task is None else task.taken_by,
    }


PATH: Final = "/manual-review"
_TOPUP: Final = f"{PATH}/{{transaction_id}}"
# "kept" delivers what the gateway has received from the supplier and stored, but not delivered yet.
_KEPT: Final = "kept"
HANDED_KINDS: Final = ("code", "key", "link", "note", "credit")
GIVEN_KINDS: Final = (*HANDED_KINDS, _KEPT)
_VIEWS: Final = "; ".join(f"{name}: {meaning}" for name, meaning in VIEWS.items())
_Text = Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)]
_Reason = Annotated[_Text, Meta(description="The reason, for other operators."), said("Reason")]
_ShownReason = Annotated[
    _Text,
    Meta(description="The reason, for the sender."),
    said("Reason for the sender"),
]
_Checked = Annotated[
    bool,
    Meta(
        description="Confirms that you checked at the supplier and know what it did. Required if the outcome is"
        " unclear."
    ),
    said("Checked", hint="I checked the supplier and know what it did"),
]


class WaitingQuery(Page, frozen=True, kw_only=True):
    """Filters for the list of top-ups at suppliers."""

    view: Annotated[View, Meta(description=f"{_VIEWS}."), said("View", words=VIEWS)] = "pending"
    supplier: (
        Annotated[ShortText, Meta(description="Return only top-ups at this supplier.")] | None
    ) = None
    platform: (
        Annotated[ShortText, Meta(description="Return only top-ups of this platform.")] | None
    ) = None
    account_id: (
        Annotated[ShortText, Meta(description="Return only this account's top-ups.")] | None
    ) = None
    older_than_h: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=100_000,
                description="Return only top-ups sent at least this many hours ago.",
            ),
        ]
        | None
    ) = None


class Why(Fields, frozen=True, kw_only=True):
    """An optional reason."""

    reason: _Reason | None = None


class SaidWhy(Fields, frozen=True, kw_only=True):
    """A reason that other operators can read later."""

    reason: _Reason


class ToldWhy(Fields, frozen=True, kw_only=True):
    """A reason that the sender can read."""

    reason: _ShownReason


class FailBody(ToldWhy, frozen=True, kw_only=True):
    """Why the top-up fails. The sender can read this reason."""

    checked: _Checked = False


class SettleBody(Fields, frozen=True, kw_only=True):
    """What the recipient receives for the top-up."""

    kind: Annotated[
        Literal["code", "key", "link", "note", "credit", "kept"],
        Meta(
            description="What the recipient receives. credit: the supplier has already credited the recipient's account."
            " kept: what the supplier handed over earlier, which was stored but not delivered."
        ),
        said(
            "What the recipient gets",
            words={
                "code": "A code",
                "key": "A key",
                "link": "A link",
                "note": "Only a note",
                "credit": "Credit that is in their account there already",
                "kept": "What its supplier handed over, stored below",
            },
        ),
    ]
    value: (
        Annotated[
            str,
            document_of("text/plain"),
            Meta(
                max_length=4_096,
                description="The code, key, link or note, which is stored encrypted.",
            ),
            said(
                "Code, key, link or note",
                hint="Stored encrypted, and shown to the recipient. Leave empty for credit.",
            ),
        ]
        | None
    ) = None
    redeem_url: (
        Annotated[
            str,
            Meta(max_length=500, description="The page on which the recipient uses the value."),
            said("Redemption URL"),
        ]
        | None
    ) = None
    instructions: (
        Annotated[str, Meta(max_length=1_000, description="Instructions for the recipient.")] | None
    ) = None
    reason: (
        Annotated[
            _Text,
            Meta(description="How you know the outcome. Required unless the top-up is a task."),
            said("Reason"),
        ]
        | None
    ) = None
    checked: _Checked = False


class SwitchBody(SaidWhy, frozen=True, kw_only=True):
    """The supplier to call instead, and the reason."""

    to: Annotated[ShortText, Meta(description="Another supplier's ID."), said("Supplier")]


class ReversalBody(ToldWhy, frozen=True, kw_only=True):
    """The reason for the reversal, and whether the delivery was revoked."""

    revoked: (
        Annotated[
            bool,
            Meta(
                description="The result of your check at the supplier: true if the delivery is worthless now, false"
                " if it stays valid. If omitted, the gateway calls the supplier."
            ),
        ]
        | None
    ) = None


async def owner_of(tx: Transaction, topup_id: str) -> Tenant:
    return (await waiting.get_seen(tx, topup_id, now_us=0)).topup.tenant


async def review(
    tx: Transaction, kinds: SupplierKinds, topup_id: str, environment: str, now_us: int
) -> ReviewedTopUp:
    """Load a top-up, and note whether calling its supplier again can reveal the outcome."""
    seen = await waiting.get_seen(tx, topup_id, now_us=now_us, environment=environment)
    rows = await list_suppliers(tx, environment)
    supplier = next((row for row in rows if row.id == seen.topup.supplier), None)
    kind = None if supplier is None else kinds.registrations.get(supplier.kind)
    if supplier is None or supplier.is_simulated or kind is None or kind.asked_again != "person":
        return seen
    return replace(seen, can_be_asked=False)


async def list_waiting(
    context: ActContext, asked: WaitingQuery, begin: Begin, limit: int
) -> Sequence[ReviewedTopUp]:
    age_h = asked.older_than_h
    wanted = ReviewFilter(
        context.environment,
        asked.view,
        asked.supplier,
        asked.platform,
        asked.account_id,
        None if age_h is None else context.now_us - age_h * HOUR_US,
    )
    after_id = None if begin is None else str(begin)
    return await waiting.page(
        context.tx, wanted, after_id=after_id, limit=limit, now_us=context.now_us
    )


async def show(context: ActContext) -> TopUpReview:
    seen = await _reviewed(context, context.tx)
    said = (await load_words(context.tx, [context.object_id])).get(context.object_id, ())
    return review_of(seen, said, context.person)


async def _reviewed(context: CallContext, tx: Transaction) -> ReviewedTopUp:
    kinds, environment = context.service(SupplierKinds), context.tenant.environment
    return await review(tx, kinds, context.object_id, environment, context.now_us)


async def _decide(command: type[ReviewCommand], context: CallContext, asked: Any) -> ReviewCommand:
    database = context.service(Database)  # type: ignore[type-abstract]
    seen = await database.read(partial(_reviewed, context))
    more: dict[str, Any] = {}
    if isinstance(asked, SettleBody):
        more = {"given": await _given(context, database, asked), "terms": _terms(context, seen)}
    elif isinstance(asked, SwitchBody):
        more = {"to": asked.to}
    return command(
        context.object_id,
        context.tenant,
        Person(context.by, context.person),
        asked.reason,
        getattr(asked, "checked", False),
        seen.can_be_asked,
        **more,
    )


async def _given(context: CallContext, database: Database, asked: SettleBody) -> Deliverable:
    if asked.kind == _KEPT:
        said = await database.read(lambda tx: load_words(tx, [context.object_id]))
        codes = context.service(TopUpRules).codes
        found = last_handed_over(codes, said.get(context.object_id, ()))
        if found is None:
            raise InvalidInput(
                "What the supplier delivered isn't stored for this top-up.", param="kind"
            )
        return found
    value = None if asked.value is None else asked.value.strip()
    is_credit = asked.kind == "credit" and not value
    given = Deliverable(
        asked.kind, None if is_credit else value, asked.redeem_url, asked.instructions
    )
    try:
        return checked_deliverable(given)
    except DeliverableRefused as error:
        raise InvalidInput(str(error), param="value") from None


def _terms(context: CallContext, seen: ReviewedTopUp) -> DeliveryTerms:
    topup = seen.topup
    return context.service(Suppliers).terms_of(
        topup.environment, topup.supplier, topup.platform, topup.amount_cents
    )


async def reverse(context: CallContext, asked: ReversalBody) -> Command[ReversedOutcome]:
    by: dict[str, Any] = {"reason": asked.reason, "actor": context.by, "by_name": context.person}
    if asked.revoked is not None:
        return EndReversal(context.object_id, context.tenant, is_revoked=asked.revoked, **by)
    database = context.service(Database)  # type: ignore[type-abstract]
    topup = (await database.read(partial(_reviewed, context))).topup
    supplier = context.service(Suppliers).find(topup.environment, topup.supplier)
    can_revoke = supplier is not None and supplier.can_revoke
    return Reverse(context.object_id, context.tenant, can_revoke=can_revoke, **by)


async def see(context: CallContext, asked: SaidWhy) -> SeenWords:
    database = context.service(Database)  # type: ignore[type-abstract]
    seen = await database.transaction(
        partial(
            decisions.see_words,
            environment=context.tenant.environment,
            topup_id=context.object_id,
            reason=asked.reason,
            by=Person(context.by, context.person),
            now_us=context.now_us,
        )
    )
    return SeenWords(transaction_id=context.object_id, seen=seen)


_FINAL: Final = (NotFound, AwaitsApproval, NotNow, AlreadyDelivered, AlreadyEnded)
_OF_TOPUP: Final = "{amount_cents} of {platform} to {recipient_email} ({transaction_id})"


def _decision(verb: str, command: Any, body: type[Fields], **more: Any) -> EngineAct[Any, Any]:
    given = {"refuses": _FINAL, **more}
    return EngineAct(
        name=f"manual-review.{verb}",
        path=f"{_TOPUP}/{verb}",
        audience=(OPERATOR,),
        input=body,
        command=command,
        view=DecidedTopUp.of,
        result=DecidedTopUp,
        owner_of=owner_of,
        names_person=True,
        named_by="transaction_id",
        **given,
    )


LIST_WAITING = ListAct(
    name="manual-review.list",
    summary="List top-ups at suppliers, oldest first",
    description="Failed top-ups are listed latest first. `topup manual-review show` shows what you can do.",
    path=PATH,
    audience=(OPERATOR,),
    query=WaitingQuery,
    run=list_waiting,
    view=WaitingTopUp.of,
    result=WaitingTopUp,
    prefix="txn",
    is_catalogue=True,
    columns=(
        *("transaction_id", "platform", "amount_cents", "recipient_email", "supplier", "state"),
        *("outcome", "detail", "requests_made", "created_at", "due_at", "taken_by"),
    ),
    named_by="transaction_id",
    examples=(
        "topup manual-review list --environment live --view person",
        "topup manual-review list --supplier by-hand --older-than-h 4",
    ),
)
SHOW_REVIEW = ReadAct(
    name="manual-review.show",
    summary="Show a top-up, the calls to each supplier, and what you can do",
    path=_TOPUP,
    audience=(OPERATOR,),
    run=show,
    result=TopUpReview,
    refuses=(NotFound,),
    owner_of=owner_of,
    named_by="transaction_id",
    examples=("topup manual-review show txn_4Kp1",),
)
TAKE_TASK = _decision(
    "take",
    partial(_decide, decisions.TakeTask),
    Why,
    summary="Take a task",
    description="After that, only you can end the task.",
    done="You have taken the task. Only you can complete it now.",
    examples=("topup manual-review take txn_4Kp1",),
)
GIVE_BACK_TASK = _decision(
    "give-back",
    partial(_decide, decisions.GiveBackTask),
    Why,
    summary="Give a task back",
    description="Other operators can then take the task. Giving back another operator's task requires a reason.",
    done="The task is given back. Other operators can take it.",
    examples=("topup manual-review give-back txn_4Kp1",),
)
RETRY = _decision(
    "retry",
    partial(_decide, decisions.RetrySupplier),
    Why,
    summary="Call the supplier now",
    description="Call the supplier now instead of later. Depending on its kind, this repeats the call, or checks"
    " first whether the top-up was done.",
    done="The supplier is called now.",
    examples=("topup manual-review retry txn_4Kp1",),
)
SETTLE = _decision(
    "settle",
    partial(_decide, decisions.SettleByHand),
    SettleBody,
    summary="Settle as delivered",
    description="The recipient receives what you enter. This can't be undone here.",
    moves_money=True,
    asks=f"Settle {_OF_TOPUP} as delivered? That can't be undone.",
    done="The top-up is delivered.",
    examples=(
        "topup manual-review settle txn_4Kp1 --kind code --value code.txt",
        "topup manual-review settle txn_4Kp1 --kind credit --checked --reason 'it is on their bill'",
        "topup manual-review settle txn_4Kp1 --kind kept --checked --reason 'they raised the price'",
    ),
)
REFUSE_TASK = _decision(
    "refuse",
    partial(_decide, decisions.RefuseTask),
    ToldWhy,
    summary="Refuse the task",
    description="The platform's next supplier is called. If there is none, the top-up fails and its funds are"
    " returned.",
    moves_money=True,
    asks=f"Refuse the task of {_OF_TOPUP}? Without another supplier, the funds return.",
    done="The task is refused. The next supplier is called, or the funds are returned.",
    examples=("topup manual-review refuse txn_4Kp1 --reason 'sold out'",),
)
NOT_DONE = _decision(
    "not-done",
    partial(_decide, decisions.DeclareNotDone),
    SaidWhy,
    summary="Record that the supplier did nothing",
    description="Use this after checking at the supplier. No supplier is called until you switch, retry, settle"
    " or fail the top-up.",
    asks="Did you check that the supplier did nothing for {transaction_id}?",
    done="It is recorded that the supplier did nothing. No supplier is called until you choose one.",
    examples=("topup manual-review not-done txn_4Kp1 --reason 'not in their list'",),
)
SWITCH_SUPPLIER = _decision(
    "switch",
    partial(_decide, decisions.SwitchSupplier),
    SwitchBody,
    summary="Switch to another supplier",
    description="The other supplier is called immediately. You can't switch while the current supplier's outcome"
    " is unknown.",
    done="The other supplier is called now.",
    examples=("topup manual-review switch txn_4Kp1 --to by-hand --reason 'stock is empty'",),
)
FAIL = _decision(
    "fail",
    partial(_decide, decisions.FailByHand),
    FailBody,
    summary="Fail and refund",
    description="The top-up ends, and the sender's funds are returned. No other supplier is called.",
    moves_money=True,
    asks=f"Fail {_OF_TOPUP} and return its funds? That can't be undone.",
    done="The top-up failed, and its funds are returned to the sender.",
    examples=("topup manual-review fail txn_4Kp1 --reason 'no such user'",),
)
SEE_WORDS = StepsAct(
    name="manual-review.seen",
    summary="Mark a supplier's responses as seen",
    description="Late and contradictory responses are stored and have no effect. They stay in the list.",
    path=f"{_TOPUP}/seen",
    audience=(OPERATOR,),
    input=SaidWhy,
    run=see,
    result=SeenWords,
    refuses=(NotFound, NotNow),
    owner_of=owner_of,
    names_person=True,
    named_by="transaction_id",
    done="The responses are marked as seen. They stay in the list below.",
    examples=("topup manual-review seen txn_4Kp1 --reason 'their second code is void'",),
)
REVERSE = _decision(
    "reverse",
    reverse,
    ReversalBody,
    summary="Reverse a delivered top-up that nobody used",
    description="Credit in a wallet of this gateway returns immediately. A supplier's delivery is reversed when"
    " the supplier, or you, confirm that nobody can use it any more.",
    refuses=(NotFound, AlreadyUsed, AlreadyEnded, StillOpen),
    moves_money=True,
    asks=f"Reverse {_OF_TOPUP} and return its funds?",
    done="The top-up is reversed, or its supplier is being called.",
    examples=(
        "topup manual-review reverse txn_4Kp1 --reason 'sent to the wrong person'",
        "topup manual-review reverse txn_4Kp1 --reason 'disabled at the vendor' --revoked",
        "topup manual-review reverse txn_4Kp1 --reason 'the vendor says it was used' --no-revoked",
    ),
)
DECISIONS: Final[Mapping[ReviewAct, AnyChange]] = {
    "take": TAKE_TASK,
    "give_back": GIVE_BACK_TASK,
    "settle": SETTLE,
    "refuse": REFUSE_TASK,
    "fail": FAIL,
    "retry": RETRY,
    "not_done": NOT_DONE,
    "switch": SWITCH_SUPPLIER,
}
ACTS = (LIST_WAITING, SHOW_REVIEW, *DECISIONS.values(), SEE_WORDS, REVERSE)
