"""Approvals: a person, or a key outside the requester's lineage, decides on a held send."""

from functools import partial
from typing import Any, Literal

from msgspec import UNSET

from billing.topups import approval as approvals
from billing.topups.approval import Approval
from billing.topups.queries import AskedApproval, with_topups
from billing.topups.settlement import Decide, EndedTopUp
from billing.topups.topup import TopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, refuse
from gateway.answers.outcome import ok
from gateway.answers.words import API_PREFIX
from gateway.api.refused_items import RefusedItems
from gateway.api.schemas.topups import DecidedTopUp
from gateway.api.waiting import poll_links, told_to_poll
from gateway.http.acting import actor_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.errors import NotFound
from kernel.fields import Fields
from keys.api_keys.api_key import makers_of
from keys.principal import ScopeMissing
from store.database import Transaction


async def approve(call: RequestContext[Fields, Fields]) -> Answer:
    return await _decide(call, "approved")


async def deny(call: RequestContext[Fields, Fields]) -> Answer:
    return await _decide(call, "denied")


async def _decide(
    call: RequestContext[Fields, Fields], decision: Literal["approved", "denied"]
) -> Answer:
    found = await _find(call)
    asked, held = found.approval, found.topup
    _check_outside_lineage(call, held)
    await _check_not_theirs(call, asked)
    command = Decide(
        topup_id=asked.transaction_id,
        tenant=asked.tenant,
        approval_id=asked.id,
        decision=decision,
        decided_by=call.principal.credential_id,
        spent_by=held.spent_by,
        actor=actor_of(call),
    )
    decided = await call.context.engine.submit_once(
        command, call.request_key, partial(_decided, call)
    )
    return told_to_poll(call, decided)


def _decided(call: RequestContext[Fields, Fields], ended: EndedTopUp) -> Answer:
    topup = ended.topup
    if ended.refusal is not None:
        path = call.template.removeprefix(API_PREFIX)
        return refuse(RefusedItems(call, path).of(ended.refusal, {}), call.now_us)
    # A supplier's code can't be derived again, so a stored response has only its hint.
    is_own = topup.fulfilment_code is None
    code = call.context.topup_rules.codes.shown(topup, call.principal) if is_own else None
    decided = ended.approval
    is_open = topup.status in {"pending", "scheduled"}
    data = DecidedTopUp.of(
        topup,
        code,
        wallet_balance_cents=ended.wallet_balance_cents,
        approval=None if decided is None else decided.shape(),
        links=poll_links(call, topup) if is_open else UNSET,
        next_action="poll" if is_open else UNSET,
    )
    by_status = {
        "delivered": codes.DELIVERED,
        "pending": codes.PENDING,
        "scheduled": codes.PENDING,
    }
    return answer(
        by_status.get(topup.status, codes.SUCCESS),
        data.approval_first(),
        now_us=call.now_us,
        http_status=200,
        status=topup.status,
        transaction_id=topup.id,
        voucher_of=topup.id,
        voucher_code=code,
    )


async def _find(call: RequestContext[Fields, Any]) -> AskedApproval:
    approval_id = call.params["approval_id"]

    async def work(tx: Transaction) -> AskedApproval:
        asked = await approvals.find(tx, approval_id, now_us=call.now_us)
        if asked is None or asked.tenant != call.principal.tenant:
            raise NotFound("Approval", param="id")
        return (await with_topups(tx, [asked]))[0]

    return await call.context.database.read(work)


def _check_outside_lineage(call: RequestContext[Fields, Fields], held: TopUp) -> None:
    """Refuse a key's decision on a send of its own family.

    Any common ancestor counts: its holder can make both the requester and the decider.
    """
    if not set(held.spent_by).isdisjoint(call.principal.lineage):
        raise ScopeMissing(
            "A key related to the requesting key can't decide. Use an unrelated key, or sign in.",
            reason="same_lineage",
        )


async def _check_not_theirs(call: RequestContext[Fields, Fields], asked: Approval) -> None:
    """Refuse a former colleague's decision on their own sends through a key that they made."""
    lineage = call.principal.lineage
    if asked.reason != "sender_left" or not lineage:
        return
    makers = await call.context.database.read(lambda tx: makers_of(tx, lineage))
    if asked.requested_by in makers:
        raise ScopeMissing(
            "A key that the sender created can't decide on their send.", reason="same_lineage"
        )


ROUTES = (
    Route(
        "POST",
        "/approvals/{approval_id}/approve",
        approve,
        "Let a held send go on",
        scopes=("approvals:write",),
        description=(
            "The rules are checked again. A key that has an ancestor in common with the one that"
            " asked cannot decide, nor one that the person made whose send it is, and nobody can after"
            " `expires_at`. If the key that asked has ended, the"
            " top-up is cancelled, its funds go back, and the answer is 3009."
        ),
        answers=ok(DecidedTopUp, codes.DELIVERED, codes.PENDING, codes.SUCCESS),
        refuses=(
            codes.ALREADY_SETTLED,
            codes.REQUESTER_BLOCKED,
            codes.INSUFFICIENT_BALANCE,
            codes.INVALID_PLATFORM,
        ),
    ),
    Route(
        "POST",
        "/approvals/{approval_id}/deny",
        deny,
        "Cancel a held send",
        scopes=("approvals:write",),
        answers=ok(DecidedTopUp, codes.SUCCESS),
        refuses=(codes.ALREADY_SETTLED,),
    ),
)
