"""Refunds and disputes: for operators, of every account of the credential's environment."""

from functools import partial
from operator import attrgetter
from typing import Annotated

from msgspec import Meta

from billing.orders import refund_row
from billing.orders.refund_row import RefundState
from billing.payments import disputes
from billing.payments.disputes import DisputeState
from billing.refunds import queries as refund_rows
from billing.refunds.request import PROVIDER_ID_CHARACTERS_MAX, REFUND_REASON_CHARACTERS_MAX
from billing.refunds.settle import RefundVerdict
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, listing
from gateway.answers.outcome import Listing, begun, ok
from gateway.api.schemas.refunds import Dispute as DisputeShape, Refund as RefundShape
from gateway.http.lists import list_rows
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import LINE, Fields, Int64, Page, Text
from keys.audit_log import Actor
from keys.principal import ADMIN

Reason = Annotated[str, Meta(min_length=1, max_length=REFUND_REASON_CHARACTERS_MAX, pattern=LINE)]
ProviderId = Annotated[str, Meta(min_length=1, max_length=PROVIDER_ID_CHARACTERS_MAX, pattern=LINE)]


class RefundBody(Fields, frozen=True, kw_only=True):
    """What of an order's payment goes back, and why."""

    reason: Annotated[Reason, Meta(description="In your words; order.refunded carries it.")]
    amount: Annotated[
        Int64 | None,
        Meta(description="In the smallest unit of pay_currency. Left out: all that is left."),
    ] = None
    period_id: Annotated[
        Text | None,
        Meta(description="Of a plan's order: which paid period. Left out where it has one."),
    ] = None
    payment: Annotated[
        ProviderId | None,
        Meta(
            description=(
                "The provider's name of a payment that credited nothing and is not the order's own: a"
                " second one, or a plan's that waits in review."
            )
        ),
    ] = None
    allow_owed: Annotated[
        bool,
        Meta(description="Refund also where the credit was used up: the account owes the rest."),
    ] = False
    made_at_provider: Annotated[
        ProviderId | None,
        Meta(
            description=(
                "The provider's id of a refund that you made on its own pages: it is written down"
                " and counts at once, and nobody is asked."
            )
        ),
    ] = None


class DecideBody(Fields, frozen=True, kw_only=True):
    """What a person saw on the provider's own pages."""

    verdict: Annotated[RefundVerdict, Meta(description="Whether the provider made the refund.")]
    reason: Annotated[Reason, Meta(description="Where you saw it.")]
    provider_refund_id: Annotated[
        ProviderId | None, Meta(description="What the provider calls it, where it was made.")
    ] = None


class RefundsQuery(Page, frozen=True, kw_only=True):
    """Filters of the list."""

    status: Annotated[RefundState, Meta(description="Only refunds in this state.")] | None = None
    order_id: Annotated[Text, Meta(description="Only refunds of this order.")] | None = None


class DisputesQuery(Page, frozen=True, kw_only=True):
    """Which disputes; the cursor is the one that the page before named."""

    state: Annotated[
        DisputeState,
        Meta(description="open: the nearest end of evidence first. ended: the latest first."),
    ] = "open"


async def refund(call: RequestContext[RefundBody, Fields]) -> Answer:
    """Holds the credit; a worker asks the provider."""
    body, principal, context = call.body, call.principal, call.context
    command = await context.refunder.request(
        call.params["order_id"],
        principal.environment,
        reason=body.reason,
        actor=Actor.of(principal),
        amount=body.amount,
        period_id=body.period_id,
        payment_ref=body.payment,
        allow_owed=body.allow_owed,
        made_at_provider=body.made_at_provider,
    )

    def made(refund: refund_row.Refund) -> Answer:
        return answer(codes.SUCCESS, RefundShape.of(refund), now_us=call.now_us, http_status=202)

    return await context.engine.submit_once(command, call.request_key, made)


async def list_refunds(call: RequestContext[Fields, RefundsQuery]) -> Answer:
    """Newest first."""
    read = partial(
        refund_rows.page,
        environment=call.principal.environment,
        status=call.query.status,
        order_id=call.query.order_id,
    )
    return await list_rows(call, "rfd", read, shape=RefundShape.of)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    """One refund, whoever's order it is of."""
    refund_id, environment = call.params["refund_id"], call.principal.environment
    found = await call.context.database.read(
        lambda tx: refund_rows.find(tx, refund_id, environment)
    )
    return answer(codes.SUCCESS, RefundShape.of(found), now_us=call.now_us)


async def decide(call: RequestContext[DecideBody, Fields]) -> Answer:
    """Ends a refund whose provider gives no clear word."""
    body, context = call.body, call.context
    command = await context.refunder.decision(
        call.params["refund_id"],
        call.principal.environment,
        body.verdict,
        reason=body.reason,
        actor=Actor.of(call.principal),
        provider_refund_id=body.provider_refund_id,
    )

    def decided(refund: refund_row.Refund) -> Answer:
        return answer(codes.SUCCESS, RefundShape.of(refund), now_us=call.now_us)

    return await context.engine.submit_once(command, call.request_key, decided)


async def list_disputes(call: RequestContext[Fields, DisputesQuery]) -> Answer:
    """Those that are open, or have ended; one more is read than is shown."""
    query, environment = call.query, call.principal.environment
    found = await call.context.database.read(
        lambda tx: disputes.page_of_disputes(
            tx, environment, state=query.state, after=query.cursor, limit=query.limit + 1
        )
    )
    listed = listing(found, query.limit, shape=DisputeShape.of, cursor=attrgetter("cursor"))
    return answer(codes.SUCCESS, listed, now_us=call.now_us)


ROUTES = (
    Route(
        "POST",
        "/orders/{order_id}/refund",
        refund,
        "Send an order's payment back, whole or in part",
        scopes=(ADMIN,),
        body=RefundBody,
        description=(
            "For operators. The credit that the refund takes back is held at once, and a worker asks"
            " the provider: its yes takes the credit, its definite no gives it back, and without a"
            " clear word it stays held. Too little credit is 2002 unless `allow_owed`. One refund of a"
            " payment goes on at a time (2012), and none of what went back already (2006). The payment"
            " of an order that is in review, or was rejected, credited nothing: nothing is held, and the"
            " provider's yes ends the review; the same is so of a second payment, and of a plan's that"
            " waits in review, which `payment` names. Creem refunds by its API all that is left, and no part."
        ),
        answers=begun(RefundShape),
        refuses=(
            codes.NOT_FOUND,
            codes.INSUFFICIENT_BALANCE,
            codes.DUPLICATE,
            codes.LIMIT_REACHED,
        ),
    ),
    Route(
        "GET",
        "/refunds",
        list_refunds,
        "Refunds of everybody's orders, newest first",
        scopes=(ADMIN,),
        query=RefundsQuery,
        answers=ok(Listing[RefundShape]),
    ),
    Route(
        "GET",
        "/refunds/{refund_id}",
        show,
        "A refund and what became of it",
        scopes=(ADMIN,),
        answers=ok(RefundShape),
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "POST",
        "/refunds/{refund_id}/decide",
        decide,
        "Say what became of a refund whose provider does not",
        scopes=(ADMIN,),
        body=DecideBody,
        description=(
            "For operators who looked at the provider's own pages: `made` takes the credit, and"
            " `not_made` gives it back. A refund that ended is not decided again."
        ),
        answers=ok(RefundShape),
        refuses=(codes.NOT_FOUND, codes.DUPLICATE, codes.LIMIT_REACHED),
    ),
    Route(
        "GET",
        "/disputes",
        list_disputes,
        "Disputes: the open ones, the nearest end of evidence first, or the ended ones",
        scopes=(ADMIN,),
        query=DisputesQuery,
        answers=ok(Listing[DisputeShape]),
    ),
)
