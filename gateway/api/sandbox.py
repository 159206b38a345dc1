"""The sandbox, staging only: settle a pending top-up, add test credit, see a later time."""

from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from billing.credits.unpaid_credit import (
    CREDIT_CENTS_MAX,
    SANDBOX_FUNDING_PER_DAY_CENTS,
    Credit,
    Credited,
)
from billing.ledger.ledger import LedgerAccountKind
from billing.topups import topup as topups
from billing.topups.deliverable import Deliverable
from billing.topups.fulfilment import Settle
from billing.topups.send_request import AmountOutOfRange
from billing.topups.settlement import EndedTopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.topups import Funding, SettledTopUp
from gateway.api.schemas.usage import AccountClock, OwnTime
from gateway.http.fields import EnvironmentMismatch
from gateway.http.idempotency import run_once
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US, rfc3339
from kernel.fields import Fields, Int64, within
from keys import sandbox_clock
from keys.api_keys.clock_movers import check_may_move
from store.database import Transaction


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


async def settle(call: RequestContext[OutcomeBody, Fields]) -> Answer:
    _check_staging(call.principal.environment)
    command = Settle(
        topup_id=call.params["transaction_id"],
        tenant=call.principal.tenant,
        outcome=call.body.outcome,
        reason="sandbox: settled as failed",
        given=await _sample(call),
    )
    return await call.context.engine.submit_once(command, call.request_key, partial(_settled, call))


async def _sample(call: RequestContext[OutcomeBody, Fields]) -> Deliverable | None:
    """Return what the platform's first supplier would deliver; nothing real."""
    topup_id = call.params["transaction_id"]

    async def work(tx: Transaction) -> str | None:
        found = (await topups.load(tx, [topup_id])).get(topup_id)
        return None if found is None else found.platform

    platform = await call.context.database.read(work)
    return call.context.suppliers.sample("staging", platform or "", topup_id)


def _settled(call: RequestContext[OutcomeBody, Fields], ended: EndedTopUp) -> Answer:
    topup = ended.topup
    is_delivered = topup.status == "delivered"
    # A supplier's code can't be derived again, so a stored response has only its hint.
    is_own = topup.fulfilment_code is None
    code = call.context.topup_rules.codes.shown(topup, call.principal) if is_own else None
    return answer(
        codes.DELIVERED if is_delivered else codes.FAILED_REFUNDED,
        SettledTopUp.of(topup, code, wallet_balance_cents=ended.wallet_balance_cents),
        now_us=call.now_us,
        http_status=200,
        status=topup.status,
        transaction_id=topup.id,
        voucher_of=topup.id,
        voucher_code=code,
    )


async def fund(call: RequestContext[FundBody, Fields]) -> Answer:
    _check_staging(call.principal.environment)
    if not 1 <= call.body.amount_cents <= CREDIT_CENTS_MAX:
        raise AmountOutOfRange(
            f"amount_cents is 1 to {CREDIT_CENTS_MAX}",
            param="amount_cents",
            extra={"min": 1, "max": CREDIT_CENTS_MAX},
        )
    command = Credit(
        tenant=call.principal.tenant,
        amount_cents=call.body.amount_cents,
        source=LedgerAccountKind.TEST_CREDIT,
        per_day_cents=SANDBOX_FUNDING_PER_DAY_CENTS if call.principal.is_sandbox else None,
    )
    return await call.context.engine.submit_once(command, call.request_key, partial(_funded, call))


def _funded(call: RequestContext[FundBody, Fields], credited: Credited) -> Answer:
    data = Funding(
        id=credited.subject_id,
        amount_cents=call.body.amount_cents,
        balance_cents=credited.balance_cents,
    )
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def show_clock(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, now_us = call.principal.tenant, call.now_us
    ahead_us = await call.context.database.read(lambda tx: sandbox_clock.ahead_us(tx, tenant))
    data = OwnTime(ahead_s=ahead_us // SECOND_US, now=rfc3339(now_us + ahead_us))
    return answer(codes.SUCCESS, data, now_us=now_us)


async def advance(call: RequestContext[ClockBody, Fields]) -> Answer:
    _check_staging(call.principal.environment)
    tenant, advance_s, now_us = call.principal.tenant, call.body.advance_s, call.now_us

    async def work(tx: Transaction) -> int:
        await check_may_move(tx, call.principal)
        return await sandbox_clock.advance(tx, tenant, advance_s=advance_s)

    def render(ahead_us: int) -> Answer:
        data = AccountClock(
            advanced_s=advance_s, ahead_s=ahead_us // SECOND_US, now=rfc3339(now_us + ahead_us)
        )
        return answer(codes.SUCCESS, data, now_us=now_us)

    return await run_once(call, work, render)


def _check_staging(environment: str) -> None:
    if environment != "staging":
        raise EnvironmentMismatch(
            "the sandbox exists in staging only; use an ak_staging_ key", reason="environment"
        )


ROUTES = (
    Route(
        "POST",
        "/sandbox/topups/{transaction_id}",
        settle,
        "Settle a pending staging top-up",
        scopes=("topup:send",),
        body=OutcomeBody,
        description=(
            "As its fulfilment would. One that waits for an approval is refused (2009, `reason:"
            " awaits_approval`): whoever asks does not decide. The `approver_key` of a sandbox"
            " account decides, or a person in the dashboard."
        ),
        answers=ok(SettledTopUp, codes.DELIVERED, codes.FAILED_REFUNDED),
        refuses=(codes.ALREADY_DELIVERED, codes.ALREADY_SETTLED),
    ),
    Route(
        "POST",
        "/sandbox/fund",
        fund,
        "Add test credit to the staging wallet",
        scopes=("topup:send",),
        body=FundBody,
        answers=ok(Funding),
        refuses=(codes.AMOUNT_OUT_OF_RANGE, codes.CAP_EXCEEDED),
    ),
    Route(
        "GET",
        "/sandbox/clock",
        show_clock,
        "What time it is for the account",
        scopes=("topup:read", "topup:send", "usage:write", "billing:write"),
        description=(
            "Its own time, which limits, ends of keys, approvals, holds and subscriptions go by. In live it"
            " is the gateway's, `ahead_s` 0."
        ),
        answers=ok(OwnTime),
    ),
    Route(
        "POST",
        "/sandbox/clock",
        advance,
        "Let the staging account see a later time",
        scopes=("topup:send", "usage:write", "billing:write"),
        body=ClockBody,
        description=(
            "Approvals, holds, promotional credit, codes, scheduled sends, subscriptions, the caps and"
            " mandates of keys and the ends of keys go by it, and what is shown of them. It goes forward only,"
            " ten years at most. Who is bound by a limit that time gives back does not move it (2009,"
            " `reason: limited`): a person, or a key without such a limit, does."
        ),
        answers=ok(AccountClock),
    ),
)
