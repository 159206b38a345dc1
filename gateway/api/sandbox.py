"""The sandbox, staging only: settle a pending top-up at will, and add test credit."""

from typing import Annotated, Literal

from msgspec import Meta

from billing.credit import (
    CREDIT_CENTS_MAX,
    SANDBOX_FUNDING_PER_DAY_CENTS,
    Credit,
    Credited,
)
from billing.ledger import Kind
from billing.settle import Ended, Settle
from gateway import codes
from gateway.call import Call
from gateway.envelope import answer
from gateway.fields import EnvironmentMismatch, Fields
from gateway.routing import Route
from store.idempotency import Answer


class OutcomeBody(Fields, frozen=True, kw_only=True):
    """How the pending top-up ends."""

    outcome: Literal["delivered", "failed"]


class FundBody(Fields, frozen=True, kw_only=True):
    """How much test credit, in cents."""

    amount_cents: Annotated[int, Meta(ge=1, le=CREDIT_CENTS_MAX)]


async def settle(call: Call[OutcomeBody, Fields]) -> Answer:
    """Ends a pending top-up as its fulfilment would."""
    _check_staging(call.principal.environment)

    def render(ended: Ended) -> Answer:
        topup = ended.topup
        is_delivered = topup.status == "delivered"
        return answer(
            codes.DELIVERED if is_delivered else codes.FAILED_REFUNDED,
            {**topup.shape(), "wallet_balance_cents": ended.wallet_balance_cents},
            now_us=call.now_us,
            http_status=200,
            status=topup.status,
            transaction_id=topup.id,
        )

    command = Settle(
        topup_id=call.params["transaction_id"],
        scope=call.principal.scope,
        request_key=call.request_key,
        answer=render,
        outcome=call.body.outcome,
        reason="sandbox: settled as failed",
    )
    return await call.context.till.submit(command)


async def fund(call: Call[FundBody, Fields]) -> Answer:
    """Adds test credit; a sandbox account gets $10,000 a day."""
    _check_staging(call.principal.environment)

    def render(credited: Credited) -> Answer:
        data = {"id": credited.subject_id, "amount_cents": call.body.amount_cents}
        data["balance_cents"] = credited.balance_cents
        return answer(codes.SUCCESS, data, now_us=call.now_us)

    command = Credit(
        scope=call.principal.scope,
        amount_cents=call.body.amount_cents,
        source=Kind.TEST_CREDIT,
        request_key=call.request_key,
        answer=render,
        per_day_cents=SANDBOX_FUNDING_PER_DAY_CENTS if call.principal.is_sandbox else None,
    )
    return await call.context.till.submit(command)


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
    ),
    Route(
        "POST",
        "/sandbox/fund",
        fund,
        "Add test credit to the staging wallet",
        scopes=("topup:send",),
        body=FundBody,
    ),
)
