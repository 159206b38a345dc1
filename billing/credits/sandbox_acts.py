"""The sandbox, staging only: settle a pending top-up, add test credit, see a later time."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from billing.credits.opening import (
    CREDIT_CENTS_MAX,
    SANDBOX_FUNDING_PER_DAY_CENTS,
    Credit,
)
from billing.ledger.ledger import LedgerAccountKind
from billing.topups import topup as topups
from billing.topups.acts import code_kept, told_ended
from billing.topups.fulfilment import Settle
from billing.topups.send import AmountOutOfRange
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import AlreadyDelivered, AlreadyEnded, Deliverable
from billing.topups.views import SettledTopUp
from kernel.clock import SECOND_US, rfc3339
from kernel.fields import Fields, Int64, within
from kernel.shaped import Shaped
from kernel.words import Cents, Time
from keys import sandbox_clock
from keys.act import MERCHANT, Act, ActContext, CallContext, Change, EngineAct, ReadAct
from keys.api_keys.lookup import check_may_move_clock
from keys.caps import CapExceeded
from keys.principal import Environment, ScopeMissing


class Samples(NamedTuple):
    """Make a sample of what a platform's first supplier would deliver."""

    of: Callable[[str, str, str], Deliverable | None]


class OutcomeBody(Fields, frozen=True, kw_only=True):
    """How the pending top-up ends."""

    outcome: Annotated[Literal["delivered", "failed"], Meta(description="How it ends.")]


class FundBody(Fields, frozen=True, kw_only=True):
    """How much test credit, in cents."""

    amount_cents: Annotated[Int64, within(1, CREDIT_CENTS_MAX)]


class ClockBody(Fields, frozen=True, kw_only=True):
    """How far the account's clock goes on, in seconds."""

    advance_s: Annotated[
        int,
        Meta(
            ge=1,
            le=sandbox_clock.ADVANCE_S_MAX,
            description="How far the clock goes on, in seconds.",
        ),
    ]


class Funding(Shaped, kw_only=True):
    """Test credit that was added."""

    id: str
    amount_cents: Cents
    balance_cents: Cents


class OwnTime(Struct, kw_only=True):
    """The sandbox clock as it stands."""

    ahead_s: Annotated[int, Meta(description="How far it is ahead of the gateway's, in seconds.")]
    now: Annotated[Time, Meta(description="The account's own time.")]


class AccountClock(Struct, kw_only=True):
    """The sandbox clock: how far it went on now, and how far it is ahead of ours."""

    advanced_s: Annotated[int, Meta(description="How far it went on now, in seconds.")]
    ahead_s: Annotated[int, Meta(description="How far it is ahead of the gateway's, in seconds.")]
    now: Annotated[Time, Meta(description="The account's own time.")]


async def settle(context: CallContext, asked: OutcomeBody) -> Settle:
    check_staging(context.environment)
    topup_id = context.object_id
    found = await context.database.read(lambda tx: topups.load(tx, [topup_id]))
    platform = found[topup_id].platform if topup_id in found else ""
    return Settle(
        topup_id=topup_id,
        tenant=context.tenant,
        outcome=asked.outcome,
        reason="sandbox: settled as failed",
        given=context.service(Samples).of("staging", platform, topup_id),
    )


def _settled(context: CallContext, ended: EndedTopUp) -> SettledTopUp:
    code, balance = code_kept(context, ended.topup), ended.wallet_balance_cents
    return SettledTopUp.of(ended.topup, code, wallet_balance_cents=balance)


async def fund(context: CallContext, asked: FundBody) -> Credit:
    """Raise ScopeMissing outside staging, or AmountOutOfRange."""
    check_staging(context.environment)
    if not 1 <= asked.amount_cents <= CREDIT_CENTS_MAX:
        raise AmountOutOfRange(
            f"`amount_cents` must be from 1 to {CREDIT_CENTS_MAX}.",
            param="amount_cents",
            extra={"min": 1, "max": CREDIT_CENTS_MAX},
        )
    is_sandbox = context.asker is not None and context.asker.is_sandbox
    return Credit(
        tenant=context.tenant,
        amount_cents=asked.amount_cents,
        source=LedgerAccountKind.TEST_CREDIT,
        per_day_cents=SANDBOX_FUNDING_PER_DAY_CENTS if is_sandbox else None,
    )


async def show_clock(context: ActContext) -> OwnTime:
    ahead_us = await sandbox_clock.ahead_us(context.tx, context.tenant)
    return OwnTime(ahead_s=ahead_us // SECOND_US, now=rfc3339(context.now_us + ahead_us))


async def advance(context: ActContext, asked: ClockBody) -> Change[AccountClock]:
    check_staging(context.environment)
    await check_may_move_clock(context.tx, context.caller)
    ahead_us = await sandbox_clock.advance(context.tx, context.tenant, advance_s=asked.advance_s)
    return Change(
        after=AccountClock(
            advanced_s=asked.advance_s,
            ahead_s=ahead_us // SECOND_US,
            now=rfc3339(context.now_us + ahead_us),
        )
    )


def check_staging(environment: Environment) -> None:
    if environment != "staging":
        raise ScopeMissing(
            "The sandbox exists only in staging. Use an ak_staging_ key.", reason="environment"
        )


SETTLE: Final = EngineAct(
    name="sandbox.settle",
    summary="Settle a pending staging top-up",
    description=(
        "As its fulfilment would. One that waits for an approval is refused (2009, `reason:"
        " awaits_approval`): whoever asks does not decide. The `approver_key` of a sandbox"
        " account decides, or a person in the dashboard."
    ),
    path="/sandbox/topups/{transaction_id}",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=OutcomeBody,
    command=settle,
    seen=_settled,
    result=SettledTopUp,
    refuses=(AlreadyDelivered, AlreadyEnded),
    told=told_ended,
    outcomes=("delivered", "failed"),
    moves_money=True,
    examples=("topup sandbox settle txn_4Kp1 --outcome delivered",),
)
FUND: Final = EngineAct[FundBody, Any](
    name="sandbox.fund",
    summary="Add test credit to the staging wallet",
    path="/sandbox/fund",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=FundBody,
    command=fund,
    result=Funding,
    refuses=(AmountOutOfRange, CapExceeded),
    examples=("topup sandbox fund --amount-cents 5000",),
)
CLOCK: Final = ReadAct(
    name="sandbox.clock",
    summary="What time it is for the account",
    description=(
        "Its own time, which limits, ends of keys, approvals, holds and subscriptions go by. In live it"
        " is the gateway's, `ahead_s` 0."
    ),
    path="/sandbox/clock",
    scopes=("topup:read", "topup:send", "usage:write", "billing:write"),
    audience=(MERCHANT,),
    run=show_clock,
    result=OwnTime,
    examples=("topup sandbox clock",),
)
ADVANCE: Final = Act(
    name="sandbox.advance",
    summary="Let the staging account see a later time",
    description=(
        "Approvals, holds, promotional credit, codes, scheduled sends, subscriptions, the caps and"
        " mandates of keys and the ends of keys go by it, and what is shown of them. It goes forward only,"
        " ten years at most. Who is bound by a limit that time gives back does not move it (2009,"
        " `reason: limited`): a person, or a key without such a limit, does."
    ),
    path="/sandbox/clock",
    scopes=("topup:send", "usage:write", "billing:write"),
    audience=(MERCHANT,),
    input=ClockBody,
    run=advance,
    result=AccountClock,
    audit=None,
    examples=("topup sandbox advance --advance-s 86400",),
)
ACTS: Final = (SETTLE, FUND, CLOCK, ADVANCE)
