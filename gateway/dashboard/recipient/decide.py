"""Approve or deny a waiting send with a signed link. Opening the link decides nothing, because mail scanners follow
links.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.engine.limit import LimitView
from billing.engine.spending import load_key_usage
from billing.recipients.approval_mail import approval_of_link
from billing.recipients.language import Language
from billing.topups.approval import BY_LINK, ApprovalDecided
from billing.topups.queries import AskedApproval, with_topups
from billing.topups.rules import DECIDE_PATH
from billing.topups.settlement import Decide, WrongStateForApproval
from gateway.dashboard.recipient.page import language_of, recipient_page, refusal_in, throttle
from gateway.dashboard.route import open_route
from gateway.html.field_words import for_people
from gateway.html.forms import first_words, read_form
from gateway.http.acting import actor_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from store.database import Transaction

_DECISIONS: Final = {"approve": "approved", "deny": "denied"}


@dataclass(frozen=True, slots=True)
class ShownLimit:
    """`length` is a rolling window's length. `label` names a limit that doesn't count cents."""

    cap: str
    label: str
    length: str
    left: str
    limit: str


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _shown(call, await _find(call))


async def decide(call: RequestContext[Fields, Fields]) -> Reply:
    found = await _find(call)
    decision = _DECISIONS.get(read_form(call).text("decision"))
    if decision is None:
        raise InvalidInput("Choose approve or deny.", param="decision")
    command = Decide(
        topup_id=found.topup.id,
        tenant=found.approval.tenant,
        approval_id=found.id,
        decision="approved" if decision == "approved" else "denied",
        decided_by=BY_LINK,
        spent_by=found.topup.spent_by,
        actor=actor_of(call),
    )
    try:
        ended = await call.context.engine.submit(command)
        if ended.refusal is not None:
            raise ended.refusal
    except (ApprovalDecided, WrongStateForApproval):
        return await _shown(call, await _find(call), status=409)
    except DomainError as error:
        found = await _find(call)
        return await _shown(call, found, status=409, problem=first_words(for_people(error.detail)))
    return await _shown(call, await _find(call))


async def _find(call: RequestContext[Fields, Fields]) -> AskedApproval:
    await throttle(call)
    links, token = call.context.topup_rules.links, call.params["decide_token"]

    async def work(tx: Transaction) -> AskedApproval:
        asked = await approval_of_link(tx, links, token, now_us=call.now_us)
        if asked is None:
            raise NotFound("Page")
        return (await with_topups(tx, [asked]))[0]

    return await call.context.database.read(work)


async def _shown(
    call: RequestContext[Any, Any],
    found: AskedApproval,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Reply:
    asked, topup = found.approval, found.topup

    async def work(tx: Transaction) -> Sequence[LimitView]:
        standings = await load_key_usage(tx, asked.tenant, topup.spent_by, now_us=call.now_us)
        return standings.of(topup.spent_by).limits if topup.spent_by else ()

    limits = await call.context.database.read(work)
    language = language_of(call, None)
    return recipient_page(
        call,
        "decide.html",
        language,
        status=status,
        state=asked.status,
        known={
            "amount": language.money(topup.amount_cents),
            "fee": language.money(topup.fee_cents),
            "recipient": topup.recipient_email,
        },
        has_fee=topup.fee_cents > 0,
        platform=topup.platform,
        charged=language.money(topup.charged_cents),
        note=topup.note,
        key_name=found.key_name,
        sender_email=found.sender_email,
        limits=[_limit(one, language) for one in limits],
        ends=language.moment(asked.expires_at),
        decided=None if asked.decided_at is None else language.moment(asked.decided_at),
        problem=None if problem is None else refusal_in(language, problem),
        is_test=topup.environment == "staging",
        by_link=asked.decided_by == BY_LINK,
        is_blocked=topup.failure_reason is not None,
    )


def _limit(view: LimitView, language: Language) -> ShownLimit:
    write = language.money if view.unit == "cents" else language.count
    length = "" if view.seconds is None else language.duration(view.seconds)
    return ShownLimit(view.cap, view.label, length, write(view.remaining), write(view.limit))


ROUTES = (
    open_route("GET", f"{DECIDE_PATH}/{{decide_token}}", show, "A send that waits for a decision"),
    open_route("POST", f"{DECIDE_PATH}/{{decide_token}}", decide, "Approve or deny it"),
)
