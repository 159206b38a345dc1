"""Refunds and disputes: refunds that operators ask for and decide, of every account of the credential's environment."""

from typing import Annotated

from msgspec import Meta

from billing.orders import refund_row
from billing.refunds.request import PROVIDER_ID_CHARACTERS_MAX, REFUND_REASON_CHARACTERS_MAX
from billing.refunds.views import Refund as RefundShape
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import begun
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import LINE, Fields, Int64, Text
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


async def refund(call: RequestContext[RefundBody, Fields]) -> Answer:
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
)
