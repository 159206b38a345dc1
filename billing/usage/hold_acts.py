"""Holds: hold credit for usage whose price isn't known yet, then capture it once or release it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from msgspec import Meta

from billing.ledger.ledger import InsufficientBalance
from billing.ledger.money import MICROS_PER_CREDIT
from billing.topups.send import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from billing.usage import hold as holds
from billing.usage.fields import (
    BalanceCents,
    BalanceCredits,
    BalanceMicros,
    CallerReference,
    FlooredCredits,
    TokenFields,
    UsageDescription,
    balance_fields,
)
from billing.usage.hold import (
    TTL_S,
    TTL_S_MAX,
    CaptureHold,
    ExtendHold,
    Held,
    HoldEnded,
    PlaceHold,
    ReleaseHold,
    new_hold,
)
from billing.usage.price_acts import Model
from billing.usage.usage import amount_of
from kernel.errors import InvalidInput
from kernel.fields import ExportPage, Fields, Int64
from kernel.shaped import Shaped
from kernel.words import CallerReferenceField, Micros, Time
from keys import sandbox_clock
from keys.act import MERCHANT, ActContext, CallContext, EngineAct, ListAct, ReadAct
from keys.caps import CapExceeded
from store.keyset import Begin

WRITES: Final = ("usage:write",)
HoldId = Annotated[str, Meta(pattern=r"^hld_[0-9A-Za-z]+$")]
TtlS = Annotated[
    int, Meta(ge=1, le=TTL_S_MAX, description="Seconds from now until the hold expires.")
]


class HoldBody(Fields, frozen=True, kw_only=True):
    """The hold to create: its amount in credits or micros, and how long it lasts."""

    description: UsageDescription
    credits: Int64 | None = None
    amount_micros: Int64 | None = None
    model: Model | None = None
    reference: CallerReferenceField | None = None
    ttl_s: Annotated[int, Meta(ge=1, le=TTL_S_MAX)] = TTL_S
    overage: Annotated[
        Literal["reject", "cap", "owe"],
        Meta(
            description="What to do if a capture exceeds the held amount. reject: refuse it. cap: capture only the held"
            " amount. owe: also charge the rest, up to ten times the amount; the account owes what its wallet"
            " lacks."
        ),
    ] = "reject"


class HoldsQuery(ExportPage, frozen=True, kw_only=True):
    open: Annotated[bool, Meta(description="Only holds that haven't ended.")] = False


class ExtendBody(Fields, frozen=True, kw_only=True):
    """How long the hold lasts from now. Extending never makes it expire earlier."""

    ttl_s: TtlS = TTL_S


class CaptureBody(TokenFields, frozen=True, kw_only=True):
    """How much of the hold to capture: an amount, or tokens of a model. Without either, the whole hold is captured."""

    credits: Int64 | None = None
    amount_micros: Int64 | None = None


class Hold(Shaped, kw_only=True):
    """Held credit. When a hold ends, what wasn't captured returns to the wallet."""

    id: HoldId
    status: Literal["held", "captured", "released", "expired"]
    amount_micros: Micros
    credits: FlooredCredits
    captured_micros: Micros
    captured_credits: FlooredCredits
    overage: Annotated[
        Literal["reject", "cap", "owe"],
        Meta(description="What happens if a capture exceeds the held amount; see POST /holds."),
    ]
    overage_micros: Annotated[int, Meta(ge=0, description="The capture above it, in micros.")]
    description: str
    model: str | None
    reference: CallerReference | None
    created_at: Time
    expires_at: Annotated[
        str,
        Meta(description="Expiry on the account's clock; see GET /sandbox/clock."),
    ]
    ended_at: Time | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    price_version: int | None

    @classmethod
    def of(cls, hold: holds.Hold, /, **more: Any) -> Self:
        return super().of(
            hold,
            overage=hold.overage or "reject",
            credits=hold.amount_micros // MICROS_PER_CREDIT,
            captured_credits=hold.captured_micros // MICROS_PER_CREDIT,
            **more,
        )


class ChangedHold(Hold, kw_only=True):
    """A hold that was just created or ended, and the wallet's balance."""

    balance_micros: BalanceMicros
    balance_credits: BalanceCredits
    balance_cents: BalanceCents

    @classmethod
    def of_held(cls, held: Held) -> Self:
        return cls.of(held.hold.at(held.account_now_us), **balance_fields(held.balance_micros))


async def place(context: CallContext, asked: HoldBody) -> PlaceHold:
    return new_hold(
        context.caller,
        amount_micros=amount_of(asked.credits, asked.amount_micros),
        ttl_s=asked.ttl_s,
        description=asked.description,
        model=asked.model,
        reference=asked.reference,
        overage=None if asked.overage == "reject" else asked.overage,
    )


async def show(context: ActContext) -> holds.Hold:
    found = await holds.find(context.tx, context.object_id, context.tenant)
    now_us = await sandbox_clock.now_of(context.tx, context.tenant, now_us=context.now_us)
    return found.at(now_us)


async def list_holds(
    context: ActContext, asked: HoldsQuery, begin: Begin, limit: int
) -> Sequence[holds.Hold]:
    tx, tenant = context.tx, context.tenant
    now_us = await sandbox_clock.now_of(tx, tenant, now_us=context.now_us)
    open_at = now_us if asked.open else None
    found = await holds.page(tx, tenant, open_at=open_at, before_id=begin, limit=limit)
    return [one.at(now_us) for one in found]


async def capture(context: CallContext, asked: CaptureBody) -> CaptureHold:
    tokens = asked.tokens()
    has_amount = asked.credits is not None or asked.amount_micros is not None
    given = "credits" if asked.amount_micros is None else "amount_micros"
    if tokens is not None and has_amount:
        raise InvalidInput(f"{given} can't be given together with tokens.", param=given)
    if tokens is None and asked.model is not None:
        raise InvalidInput("`model` is only allowed with tokens.", param="model")
    return CaptureHold(
        hold_id=context.object_id,
        tenant=context.tenant,
        amount_micros=amount_of(asked.credits, asked.amount_micros) if has_amount else None,
        tokens=tokens,
        model=asked.model,
        amount_param="amount_micros" if asked.credits is None else "credits",
    )


async def extend(context: CallContext, asked: ExtendBody) -> ExtendHold:
    return ExtendHold(context.object_id, context.tenant, asked.ttl_s)


async def release(context: CallContext, _asked: Fields) -> ReleaseHold:
    return ReleaseHold(hold_id=context.object_id, tenant=context.tenant)


PLACE: Final = EngineAct(
    name="holds.place",
    summary="Hold credit for usage whose price isn't known yet",
    description="The amount leaves the balance and counts in the key's caps immediately. You can capture the hold"
    " once, in part or in full. What isn't captured returns when the hold is captured, released or"
    " expires.",
    path="/holds",
    status=201,
    scopes=WRITES,
    audience=(MERCHANT,),
    input=HoldBody,
    command=place,
    view=ChangedHold.of_held,
    result=ChangedHold,
    refuses=(InsufficientBalance, AmountOutOfRange, DuplicateReference, CapExceeded),
    moves_money=True,
    examples=("topup holds place --description 'a long answer' --credits 500",),
)
LIST: Final[ListAct[Any, Any]] = ListAct(
    name="holds.list",
    summary="List holds, newest first",
    path="/holds",
    scopes=("usage:read",),
    audience=(MERCHANT,),
    query=HoldsQuery,
    run=list_holds,
    result=Hold,
    prefix="hld",
    export=Hold.__struct_fields__,
    columns=("id", "status", "amount_micros", "captured_micros", "description", "created_at"),
    examples=("topup holds list --open",),
)
SHOW: Final = ReadAct(
    name="holds.show",
    summary="Show a hold",
    path="/holds/{hold_id}",
    scopes=("usage:read", *WRITES),
    audience=(MERCHANT,),
    run=show,
    result=Hold,
    examples=("topup holds show hld_2Qk9",),
)
CAPTURE: Final = EngineAct(
    name="holds.capture",
    summary="Capture what was used of a hold, and release the rest",
    description="Give `credits`, `amount_micros`, or tokens, which are charged by the price list. Without any of"
    " them, the whole hold is captured. If more was used than was held, the hold's `overage`"
    " determines what happens.",
    path="/holds/{hold_id}/capture",
    scopes=WRITES,
    audience=(MERCHANT,),
    input=CaptureBody,
    command=capture,
    view=ChangedHold.of_held,
    result=ChangedHold,
    refuses=(AmountOutOfRange, HoldEnded, CapExceeded),
    moves_money=True,
    is_for_paused=True,
    examples=("topup holds capture hld_2Qk9 --credits 320",),
)
EXTEND: Final = EngineAct(
    name="holds.extend",
    summary="Extend a hold",
    description="A hold can last for at most 30 days after its creation.",
    path="/holds/{hold_id}/extend",
    scopes=WRITES,
    audience=(MERCHANT,),
    input=ExtendBody,
    command=extend,
    view=ChangedHold.of_held,
    result=ChangedHold,
    refuses=(HoldEnded,),
    examples=("topup holds extend hld_2Qk9 --ttl-s 3600",),
)
RELEASE: Final = EngineAct(
    name="holds.release",
    summary="Release a hold",
    path="/holds/{hold_id}/release",
    scopes=WRITES,
    audience=(MERCHANT,),
    input=Fields,
    command=release,
    view=ChangedHold.of_held,
    result=ChangedHold,
    refuses=(HoldEnded,),
    moves_money=True,
    is_for_paused=True,
    examples=("topup holds release hld_2Qk9",),
)
ACTS: Final = (PLACE, LIST, SHOW, CAPTURE, EXTEND, RELEASE)
