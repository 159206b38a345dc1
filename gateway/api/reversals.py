"""Reversals: a delivered top-up that nobody used is taken back, POST /topup/{transaction_id}/reverse."""

from functools import partial
from typing import Annotated

from msgspec import UNSET, Meta

from billing.topups import topup as topups
from billing.topups.reverse import REVERSAL_REASON_CHARACTERS_MAX, Reverse, ReversedOutcome
from billing.topups.topup import TopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome
from gateway.api.schemas.topups import Reversal, ReversedTopUp
from gateway.api.waiting import poll_links, told_to_poll
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import LINE, Fields
from store.database import Transaction


class ReverseBody(Fields, frozen=True, kw_only=True):
    """Why; the event and the history tell it."""

    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=REVERSAL_REASON_CHARACTERS_MAX,
            pattern=LINE,
            description="Why it is taken back, in your words; topup.reversed carries it.",
        ),
    ]


async def reverse(call: RequestContext[ReverseBody, Fields]) -> Answer:
    context, principal = call.context, call.principal
    topup_id = call.params["transaction_id"]
    command = Reverse(
        topup_id,
        principal.tenant,
        reason=call.body.reason,
        requested_by=principal.credential_id,
        can_revoke=await _can_revoke(call, topup_id),
    )
    done = await context.engine.submit_once(command, call.request_key, partial(_reversed, call))
    return told_to_poll(call, done)


async def _can_revoke(call: RequestContext[ReverseBody, Fields], topup_id: str) -> bool:
    """Return whether a supplier may take back what it delivered; which one never changes."""

    async def work(tx: Transaction) -> TopUp | None:
        return (await topups.load(tx, [topup_id])).get(topup_id)

    found = await call.context.database.read(work)
    if found is None or found.tenant != call.principal.tenant:
        return False
    supplier = call.context.suppliers.find(found.environment, found.supplier)
    return supplier is not None and supplier.can_revoke


def _reversed(call: RequestContext[ReverseBody, Fields], done: ReversedOutcome) -> Answer:
    topup, reversal = done.topup, done.reversal
    assert reversal is not None, "what is reversed or reversing has a reversal"
    is_reversed = topup.status == "reversed"
    return answer(
        codes.REVERSED if is_reversed else codes.PENDING,
        ReversedTopUp.of(
            topup,
            wallet_balance_cents=done.wallet_balance_cents,
            reversal=Reversal.of(reversal),
            links=UNSET if is_reversed else poll_links(call, topup, can_cancel=False),
            next_action=UNSET if is_reversed else "poll",
        ),
        now_us=reversal.ended_at or reversal.requested_at,
        status=topup.status,
        transaction_id=topup.id,
    )


ROUTES = (
    Route(
        "POST",
        "/topup/{transaction_id}/reverse",
        reverse,
        "Take a delivered top-up back that was not used",
        scopes=("topup:reverse",),
        body=ReverseBody,
        description=(
            "Credit in the recipient's wallet here comes back at once and whole, while its voucher was"
            " not redeemed. What a supplier handed over counts as used, unless that supplier can revoke"
            " it: then the answer is 202 with status reversing, and topup.reversed follows once it"
            " confirmed; a no leaves the top-up delivered. Called again it answers the same."
        ),
        answers=(
            Outcome(200, ReversedTopUp, (codes.REVERSED,)),
            Outcome(202, ReversedTopUp, (codes.PENDING,)),
        ),
        refuses=(codes.ALREADY_USED, codes.NOT_FOUND, codes.ALREADY_SETTLED),
    ),
)
