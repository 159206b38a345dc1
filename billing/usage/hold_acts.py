"""Holds: credit set aside for usage whose price is not known yet; captured once, released, or over."""

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
from kernel.fields import Fields, Int64
from kernel.shaped import Shaped
from kernel.words import CallerReferenceField, Micros, Time
from keys import sandbox_clock
from keys.act import MERCHANT, ActContext, CallContext, EngineAct, ReadAct
from keys.caps import CapExceeded

WRITES: Final = ("usage:write",)
HoldId = Annotated[str, Meta(pattern=r"^hld_[0-9A-Za-z]+$")]
TtlS = Annotated[int, Meta(ge=1, le=TTL_S_MAX, description="In seconds, from now.")]


class HoldBody(Fields, frozen=True, kw_only=True):
    """What may be used, the amount in credits or in micros, and for how long it is set aside."""

    description: UsageDescription
    credits: Int64 | None = None
    amount_micros: Int64 | None = None
    model: Model | None = None
    reference: CallerReferenceField | None = None
    ttl_s: Annotated[int, Meta(ge=1, le=TTL_S_MAX)] = TTL_S
    overage: Annotated[
        Literal["reject", "cap", "owe"],
        Meta(
            description=(
                "What a capture above the amount does: it is refused; it is cut to the amount; or the"
                " rest is charged too, up to ten times the amount, and what the wallet lacks is owed."
            )
        ),
    ] = "reject"


class ExtendBody(Fields, frozen=True, kw_only=True):
    """For how long from now it is set aside; it never ends earlier than it would have."""

    ttl_s: TtlS = TTL_S


class CaptureBody(TokenFields, frozen=True, kw_only=True):
    """How much of the hold was used: an amount, or tokens of a model; without either, all of it."""

    credits: Int64 | None = None
    amount_micros: Int64 | None = None


class Hold(Shaped, kw_only=True):
    """Credit set aside. What of an ended one was not captured went back."""

    id: HoldId
    status: Literal["held", "captured", "released", "expired"]
    amount_micros: Micros
    credits: FlooredCredits
    captured_micros: Micros
    captured_credits: FlooredCredits
    overage: Annotated[
        Literal["reject", "cap", "owe"],
        Meta(description="What a capture above the amount does; see POST /holds."),
    ]
    overage_micros: Annotated[int, Meta(ge=0, description="Captured above the amount, in micros.")]
    description: str
    model: str | None
    reference: CallerReference | None
    created_at: Time
    expires_at: Annotated[str, Meta(description="By the account's own clock; see the sandbox's.")]
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
    """A hold that was just made or ended, and the wallet afterwards."""

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
    summary="Set credit aside for usage whose price is not known yet",
    description=(
        "It leaves the balance and counts in the key's caps at once. Capture it once, in part or"
        " whole; what is not captured until it is released or expires goes back."
    ),
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
SHOW: Final = ReadAct(
    name="holds.show",
    summary="A hold",
    path="/holds/{hold_id}",
    scopes=WRITES,
    audience=(MERCHANT,),
    run=show,
    result=Hold,
    examples=("topup holds show hld_2Qk9",),
)
CAPTURE: Final = EngineAct(
    name="holds.capture",
    summary="Charge what was used of a hold; the rest is released",
    description=(
        "Give credits, amount_micros, or tokens, which the price list prices; without any of them,"
        " all of it is captured. More than was held is refused, cut off or charged beside it, as"
        " the hold's `overage` says."
    ),
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
    summary="Let a hold end later",
    description="For 30 days after it was made at the longest.",
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
    summary="Give a hold back",
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
ACTS: Final = (PLACE, SHOW, CAPTURE, EXTEND, RELEASE)
