"""The sandbox, staging only: settle a pending top-up, add test credit or advance the clock."""

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
from billing.topups.acts import code_kept, ended_outcome
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
    of: Callable[[str, str, str], Deliverable | None]


class OutcomeBody(Fields, frozen=True, kw_only=True):
    """The outcome for the pending top-up."""

    outcome: Annotated[Literal["delivered", "failed"], Meta(description="The outcome.")]


class FundBody(Fields, frozen=True, kw_only=True):
    """The amount of test credit to add, in US cents."""

    amount_cents: Annotated[Int64, within(1, CREDIT_CENTS_MAX)]


class ClockBody(Fields, frozen=True, kw_only=True):
    """How far to advance the account's clock."""

    advance_s: Annotated[
        int,
        Meta(
            ge=1,
            le=sandbox_clock.ADVANCE_S_MAX,
            description="The seconds to advance the clock.",
        ),
    ]


class Funding(Shaped, kw_only=True):
    """Test credit that was added, and the new balance."""

    id: str
    amount_cents: Cents
    balance_cents: Cents


class OwnTime(Struct, kw_only=True):
    """The account's current time, and how far it is ahead of the gateway's clock."""

    ahead_s: Annotated[int, Meta(description="Seconds ahead of the gateway's clock.")]
    now: Annotated[Time, Meta(description="The time on the account's clock.")]


class AccountClock(Struct, kw_only=True):
    """The account's clock after it was advanced."""

    advanced_s: Annotated[int, Meta(description="The seconds that this call advanced the clock.")]
    ahead_s: Annotated[int, Meta(description="Seconds ahead of the gateway's clock.")]
    now: Annotated[Time, Meta(description="The time on the account's clock.")]


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
    description="The top-up ends as if its supplier had responded. A top-up that waits for approval is refused"
    " (2009, `reason: awaits_approval`), because the sender may not decide. Decide with the"
    " `approver_key` of a sandbox account, or in the dashboard.",
    path="/sandbox/topups/{transaction_id}",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=OutcomeBody,
    command=settle,
    seen=_settled,
    result=SettledTopUp,
    refuses=(AlreadyDelivered, AlreadyEnded),
    told=ended_outcome,
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
    summary="Show the account's clock",
    description="The account's clock determines limits and when keys, approvals, holds and subscriptions expire."
    " In live it is the gateway's clock, and `ahead_s` is 0.",
    path="/sandbox/clock",
    scopes=("topup:read", "topup:send", "usage:write", "billing:write"),
    audience=(MERCHANT,),
    run=show_clock,
    result=OwnTime,
    examples=("topup sandbox clock",),
)
ADVANCE: Final = Act(
    name="sandbox.advance",
    summary="Advance the staging account's clock",
    description="Approvals, holds, promotional credit, codes, scheduled sends, subscriptions, and the caps,"
    " mandates and expiry of keys follow this clock, and so does what you see of them. The clock only"
    " moves forward, by ten years at most. A key whose limits would reset with time can't move it"
    " (2009, `reason: limited`); use another key or the dashboard.",
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
