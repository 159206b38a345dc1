"""Top-ups: the whole story of one, and waiting for it to change, GET /topup/status/{transaction_id}."""

from typing import Final

from msgspec import UNSET

from billing.topups import queries as history
from billing.topups.queries import TopUpTimeline
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.recipients import RecipientMail
from gateway.api.schemas.topups import (
    EventOfTopUp,
    FulfilmentAttempt,
    Reversal,
    TopUpStory,
    Transfer,
)
from gateway.api.sent_answer import OUTCOMES
from gateway.api.waiting import poll_links, told_to_poll
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from gateway.http.waiting import when_changed
from kernel.fields import Fields
from keys.act import State, WaitQuery
from keys.principal import ADMIN
from store.database import Transaction

_READS: Final = ("topup:read",)


async def status(call: RequestContext[Fields, WaitQuery]) -> Answer:
    topup_id, tenant = call.params["transaction_id"], call.principal.tenant

    async def work(tx: Transaction) -> TopUpTimeline:
        return await history.topup_timeline(tx, tenant, topup_id, now_us=call.now_us)

    async def read() -> TopUpTimeline:
        return await call.context.database.read(work)

    timeline = await when_changed(call, read, _state_of, _READS)
    topup = timeline.topup
    told = answer(
        OUTCOMES[topup.status],
        _story(call, timeline),
        now_us=call.now_us,
        http_status=200,
        status=topup.status,
        transaction_id=topup.id,
    )
    return told_to_poll(call, told)


def _state_of(timeline: TopUpTimeline) -> State:
    topup = timeline.topup
    is_final = OUTCOMES[topup.status] != codes.PENDING
    return State(topup.id, topup.status, timeline.approval_status, is_final)


def _story(call: RequestContext[Fields, WaitQuery], timeline: TopUpTimeline) -> TopUpStory:
    topup = timeline.topup
    rules, is_operator = call.context.topup_rules, ADMIN in call.principal.scopes
    asked_id = timeline.approval_id if timeline.approval_status == "pending" else None
    can_cancel = topup.status != "reversing"
    is_open = not _state_of(timeline).is_final
    return TopUpStory.of(
        topup,
        rules.codes.shown(topup, call.principal),
        rules.codes.value_shown(topup, call.principal),
        attempts=[
            FulfilmentAttempt.seen_by(one, is_operator=is_operator) for one in timeline.attempts
        ],
        supplier=topup.supplier if is_operator else None,
        cost_cents=timeline.cost_cents if is_operator else None,
        transfers=[Transfer(**one) for one in timeline.transfers],
        events=[EventOfTopUp(**one) for one in timeline.events],
        claim_url=rules.claim_url_shown(topup, call.principal),
        mails=[RecipientMail.of(one) for one in timeline.mails],
        reversal=None if timeline.reversal is None else Reversal.of(timeline.reversal),
        approval_id=UNSET if timeline.approval_id is None else timeline.approval_id,
        request_id=timeline.request_id,
        url=f"{call.context.settings.address()}/dashboard/topups/{topup.id}",
        links=poll_links(call, topup, asked_id, can_cancel=can_cancel) if is_open else UNSET,
        next_action="poll" if is_open else UNSET,
    )


ROUTES = (
    Route(
        "GET",
        "/topup/status/{transaction_id}",
        status,
        "A top-up with its ledger transfers and events",
        scopes=_READS,
        query=WaitQuery,
        description=(
            "200 whatever its state; the code says which. With `wait_s` it answers as soon as the state"
            " changes, or after so many seconds; at once where the state is final."
        ),
        answers=ok(
            TopUpStory,
            codes.DELIVERED,
            codes.PENDING,
            codes.FAILED_REFUNDED,
            codes.CANCELLED,
            codes.REVERSED,
        ),
    ),
)
