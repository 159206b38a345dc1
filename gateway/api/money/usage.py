"""Usage: credit charged for AI usage, at once or out of a hold that was set aside before."""

from typing import Annotated

from msgspec import Meta

from billing.payments.sandbox import clock as sandbox_clock
from billing.usage import hold
from billing.usage.hold_commands import TTL_S, TTL_S_MAX, CaptureHold, Held, ReleaseHold, new_hold
from billing.usage.usage import Used, amount_of, new_usage
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import created, ok
from gateway.answers.refusals import renamed_fields
from gateway.api.schemas.usage import ChangedHold, Hold, Usage
from gateway.http.fields import LINE, Fields, Int64
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.limits import NOTE_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX
from store.database import Transaction

MODEL_CHARACTERS_MAX = 128

UsageDescription = Annotated[str, Meta(min_length=1, max_length=NOTE_CHARACTERS_MAX, pattern=LINE)]
Model = Annotated[str, Meta(min_length=1, max_length=MODEL_CHARACTERS_MAX, pattern=LINE)]
CallerReferenceField = Annotated[
    str, Meta(min_length=1, max_length=REFERENCE_CHARACTERS_MAX, pattern=LINE)
]


class UsageBody(Fields, frozen=True, kw_only=True):
    """What was used; the amount in credits or in micros, one of the two."""

    description: UsageDescription
    credits: Int64 | None = None
    amount_micros: Int64 | None = None
    model: Model | None = None
    reference: CallerReferenceField | None = None


class HoldBody(UsageBody, frozen=True, kw_only=True):
    """What may be used, and for how long it is set aside."""

    ttl_s: Annotated[int, Meta(ge=1, le=TTL_S_MAX)] = TTL_S


class CaptureBody(Fields, frozen=True, kw_only=True):
    """How much of the hold was used; without an amount, all of it."""

    credits: Int64 | None = None
    amount_micros: Int64 | None = None


async def use(call: RequestContext[UsageBody, Fields]) -> Answer:
    """Charges the account's wallet."""
    body = call.body
    command = new_usage(
        call.principal,
        amount_micros=amount_of(body.credits, body.amount_micros),
        description=body.description,
        model=body.model,
        reference=body.reference,
    )
    return await call.context.engine.submit_once(command, call.request_key, _used)


async def place(call: RequestContext[HoldBody, Fields]) -> Answer:
    """Sets credit aside: it leaves the balance and counts in the caps."""
    body = call.body
    command = new_hold(
        call.principal,
        amount_micros=amount_of(body.credits, body.amount_micros),
        ttl_s=body.ttl_s,
        description=body.description,
        model=body.model,
        reference=body.reference,
    )
    return await call.context.engine.submit_once(command, call.request_key, _placed)


async def capture(call: RequestContext[CaptureBody, Fields]) -> Answer:
    """Charges what was used of the hold, once; the rest is released."""
    body = call.body
    is_whole = body.credits is None and body.amount_micros is None
    command = CaptureHold(
        hold_id=call.params["hold_id"],
        tenant=call.principal.tenant,
        amount_micros=None if is_whole else amount_of(body.credits, body.amount_micros),
    )
    with renamed_fields(**({} if body.credits is None else {"amount_micros": "credits"})):
        return await call.context.engine.submit_once(command, call.request_key, _ended)


async def release(call: RequestContext[Fields, Fields]) -> Answer:
    """Gives all of the hold back."""
    command = ReleaseHold(hold_id=call.params["hold_id"], tenant=call.principal.tenant)
    return await call.context.engine.submit_once(command, call.request_key, _ended)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    """One hold of the account."""
    tenant, hold_id, now_us = call.principal.tenant, call.params["hold_id"], call.now_us

    async def work(tx: Transaction) -> Hold:
        found = await hold.find(tx, hold_id, tenant)
        return Hold.of(found.at(await sandbox_clock.now_of(tx, tenant, now_us=now_us)))

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=now_us)


def _used(used: Used) -> Answer:
    return answer(codes.SUCCESS, Usage.of(used), now_us=used.record.created_at)


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
        "/usage",
        use,
        "Charge credit for AI usage",
        scopes=("usage:write",),
        body=UsageBody,
        description="Promotional credit goes first. Give credits or amount_micros, one of them.",
        answers=ok(Usage),
        refuses=_REFUSES,
    ),
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
    Route(
        "GET",
        "/holds/{hold_id}",
        show,
        "A hold",
        scopes=("usage:write",),
        answers=ok(Hold),
    ),
    Route(
        "POST",
        "/holds/{hold_id}/capture",
        capture,
        "Charge what was used of a hold; the rest is released",
        scopes=("usage:write",),
        body=CaptureBody,
        description="Give credits or amount_micros; without either, all of it is captured.",
        answers=ok(ChangedHold),
        refuses=(codes.AMOUNT_OUT_OF_RANGE, codes.ALREADY_SETTLED),
    ),
    Route(
        "POST",
        "/holds/{hold_id}/release",
        release,
        "Give a hold back",
        scopes=("usage:write",),
        answers=ok(ChangedHold),
        refuses=(codes.ALREADY_SETTLED,),
    ),
)
