"""The sandbox, staging only: settle a pending top-up, add test credit, see a later time."""

from functools import partial
from typing import Annotated, Literal

from msgspec import Meta

from billing.credits.sandbox_acts import check_staging
from billing.topups import topup as topups
from billing.topups.fulfilment import Settle
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import Deliverable
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.topups import SettledTopUp
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields
from store.database import Transaction


class OutcomeBody(Fields, frozen=True, kw_only=True):
    """How the pending top-up ends."""

    outcome: Annotated[Literal["delivered", "failed"], Meta(description="How it ends.")]


async def settle(call: RequestContext[OutcomeBody, Fields]) -> Answer:
    check_staging(call.principal.environment)
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
)
