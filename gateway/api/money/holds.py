"""Holds: credit set aside for usage whose price is not known yet; captured once, released, or over."""

from typing import Annotated, Literal

from msgspec import Meta

from billing.usage import hold
from billing.usage.hold_commands import (
    TTL_S,
    TTL_S_MAX,
    CaptureHold,
    ExtendHold,
    Held,
    ReleaseHold,
    new_hold,
)
from billing.usage.price_acts import Model
from billing.usage.usage import amount_of
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import created, ok
from gateway.answers.refusals import renamed_fields
from gateway.api.bodies.usage_body import (
    TokenFields,
    UsageDescription,
)
from gateway.api.schemas.usage import ChangedHold, Hold
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.errors import InvalidInput
from kernel.fields import Fields, Int64
from kernel.words import CallerReferenceField
from keys import sandbox_clock
from store.database import Transaction

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


async def place(call: RequestContext[HoldBody, Fields]) -> Answer:
    body = call.body
    command = new_hold(
        call.principal,
        amount_micros=amount_of(body.credits, body.amount_micros),
        ttl_s=body.ttl_s,
        description=body.description,
        model=body.model,
        reference=body.reference,
        overage=None if body.overage == "reject" else body.overage,
    )
    return await call.context.engine.submit_once(command, call.request_key, _placed)


async def capture(call: RequestContext[CaptureBody, Fields]) -> Answer:
    body = call.body
    tokens = body.tokens()
    has_amount = body.credits is not None or body.amount_micros is not None
    if tokens is not None and has_amount:
        given = "credits" if body.amount_micros is None else "amount_micros"
        raise InvalidInput(f"{given} can't be given together with tokens.", param=given)
    if tokens is None and body.model is not None:
        raise InvalidInput("`model` is only allowed with tokens.", param="model")
    command = CaptureHold(
        hold_id=call.params["hold_id"],
        tenant=call.principal.tenant,
        amount_micros=amount_of(body.credits, body.amount_micros) if has_amount else None,
        tokens=tokens,
        model=body.model,
    )
    with renamed_fields(**({} if body.credits is None else {"amount_micros": "credits"})):
        return await call.context.engine.submit_once(command, call.request_key, _ended)


async def extend(call: RequestContext[ExtendBody, Fields]) -> Answer:
    command = ExtendHold(call.params["hold_id"], call.principal.tenant, call.body.ttl_s)
    now_us = call.now_us
    return await call.context.engine.submit_once(
        command,
        call.request_key,
        lambda held: answer(codes.SUCCESS, ChangedHold.of_held(held), now_us=now_us),
    )


async def release(call: RequestContext[Fields, Fields]) -> Answer:
    command = ReleaseHold(hold_id=call.params["hold_id"], tenant=call.principal.tenant)
    return await call.context.engine.submit_once(command, call.request_key, _ended)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, hold_id, now_us = call.principal.tenant, call.params["hold_id"], call.now_us

    async def work(tx: Transaction) -> Hold:
        found = await hold.find(tx, hold_id, tenant)
        return Hold.of(found.at(await sandbox_clock.now_of(tx, tenant, now_us=now_us)))

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


def _placed(held: Held) -> Answer:
    return answer(
        codes.SUCCESS, ChangedHold.of_held(held), now_us=held.hold.created_at, http_status=201
    )


def _ended(held: Held) -> Answer:
    assert held.hold.ended_at is not None, "captured or released"
    return answer(codes.SUCCESS, ChangedHold.of_held(held), now_us=held.hold.ended_at)


_REFUSES = (
    codes.INSUFFICIENT_BALANCE,
    codes.AMOUNT_OUT_OF_RANGE,
    codes.DUPLICATE,
    codes.CAP_EXCEEDED,
)

ROUTES = (
    Route(
        "POST",
        "/holds",
        place,
        "Set credit aside for usage whose price is not known yet",
        scopes=("usage:write",),
        body=HoldBody,
        description=(
            "It leaves the balance and counts in the key's caps at once. Capture it once, in part or"
            " whole; what is not captured until it is released or expires goes back."
        ),
        answers=created(ChangedHold),
        refuses=_REFUSES,
    ),
    Route("GET", "/holds/{hold_id}", show, "A hold", scopes=("usage:write",), answers=ok(Hold)),
    Route(
        "POST",
        "/holds/{hold_id}/capture",
        capture,
        "Charge what was used of a hold; the rest is released",
        scopes=("usage:write",),
        body=CaptureBody,
        description=(
            "Give credits, amount_micros, or tokens, which the price list prices; without any of them,"
            " all of it is captured. More than was held is refused, cut off or charged beside it, as"
            " the hold's `overage` says."
        ),
        is_for_paused=True,
        answers=ok(ChangedHold),
        refuses=(codes.AMOUNT_OUT_OF_RANGE, codes.ALREADY_SETTLED, codes.CAP_EXCEEDED),
    ),
    Route(
        "POST",
        "/holds/{hold_id}/extend",
        extend,
        "Let a hold end later",
        scopes=("usage:write",),
        body=ExtendBody,
        description="For 30 days after it was made at the longest.",
        answers=ok(ChangedHold),
        refuses=(codes.ALREADY_SETTLED,),
    ),
    Route(
        "POST",
        "/holds/{hold_id}/release",
        release,
        "Give a hold back",
        scopes=("usage:write",),
        is_for_paused=True,
        answers=ok(ChangedHold),
        refuses=(codes.ALREADY_SETTLED,),
    ),
)
