"""Fulfilments: receive suppliers' signed reports on how pending top-ups ended.

The signed body names the top-up, so the signature isn't valid for another top-up. An unknown top-up gets the same
response as a wrong signature, so nobody can find out which IDs exist.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from billing.fulfilment.http import COST_CENTS_MAX
from billing.fulfilment.protocol import CREDIT, SignatureRefused
from billing.topups import fulfilment as attempts, topup as topups
from billing.topups.fulfilment import Attempt, ReportRecorded, Settle
from billing.topups.plausible import doubt_of_echo
from billing.topups.topup import (
    HELD_STATES,
    INSTRUCTIONS_CHARACTERS_MAX,
    REDEEM_URL_CHARACTERS_MAX,
    VALUE_CHARACTERS_MAX,
    Deliverable,
    DeliverableRefused,
    TopUp,
    checked_deliverable,
)
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import Fields, Time, time_us
from kernel.words import TopUpStatus
from keys.signatures.signing import ID_HEADER, verify
from store.database import Transaction


class DeliverableBody(Fields, frozen=True, kw_only=True):
    """What the recipient gets, in plain text. `value` is set for every kind except credit."""

    kind: Annotated[
        Literal["credit", "code", "key", "link", "note"],
        Meta(description="The kind. credit is in an account of the recipient."),
    ]
    value: (
        Annotated[
            str,
            Meta(max_length=VALUE_CHARACTERS_MAX, description="The code, key, link or note."),
        ]
        | None
    ) = None
    redeem_url: (
        Annotated[
            str, Meta(max_length=REDEEM_URL_CHARACTERS_MAX, description="The URL to redeem at.")
        ]
        | None
    ) = None
    instructions: (
        Annotated[
            str,
            Meta(
                max_length=INSTRUCTIONS_CHARACTERS_MAX, description="How to redeem, in plain text."
            ),
        ]
        | None
    ) = None
    expires_at: Time | None = None


class SettleBody(Fields, frozen=True, kw_only=True):
    """The result of a top-up. The sender sees the reason for a failure.

    If a delivered top-up has no deliverable, its credit is in the recipient's account at the supplier.
    """

    transaction_id: Annotated[
        str,
        Meta(max_length=64, description="The transaction ID of the path, which is signed here."),
    ]
    status: Annotated[
        Literal["delivered", "failed"], Meta(description="The top-up's final status.")
    ]
    reason: (
        Annotated[
            str,
            Meta(max_length=200, description="The reason for a failure, which the sender sees."),
        ]
        | None
    ) = None
    deliverable: (
        Annotated[
            DeliverableBody,
            Meta(
                description="The deliverable of a delivered top-up. If omitted, the recipient has "
                "the credit in an account at the supplier."
            ),
        ]
        | None
    ) = None
    cost_cents: (
        Annotated[int, Meta(ge=0, le=COST_CENTS_MAX, description="Your cost, in US cents.")] | None
    ) = None
    platform: (
        Annotated[
            str, Meta(max_length=40, description="The deliverable's platform, checked if given.")
        ]
        | None
    ) = None
    amount_cents: (
        Annotated[
            int,
            Meta(
                ge=0, le=COST_CENTS_MAX, description="The face value in US cents, checked if given."
            ),
        ]
        | None
    ) = None
    environment: (
        Annotated[
            Literal["staging", "live"],
            Meta(description="The deliverable's environment, checked if given."),
        ]
        | None
    ) = None


class Settlement(Struct, kw_only=True):
    """The top-up's final status."""

    status: TopUpStatus


async def settle(call: RequestContext[SettleBody, Fields]) -> Answer:
    """Settle the pending top-up. Raise ReportRecorded if a report contradicts the top-up's final state."""
    topup, supplier = await _signed_for(call)
    body, suppliers = call.body, call.context.suppliers
    command = Settle(
        topup_id=topup.id,
        tenant=topup.tenant,
        outcome=body.status,
        reason=body.reason or "refused by the fulfilment",
        given=_given(body),
        # If a top-up has no supplier, as in the sandbox, any supplier may settle it.
        by=None if topup.supplier is None and topup.status in HELD_STATES else supplier,
        cost_cents=body.cost_cents,
        doubt=doubt_of_echo(
            topup.platform,
            topup.amount_cents,
            topup.environment,
            platform=body.platform,
            amount_cents=body.amount_cents,
            environment=body.environment,
        ),
        terms=suppliers.terms_of(topup.environment, supplier, topup.platform, topup.amount_cents),
    )
    ended = await call.context.engine.submit(command)
    topup = ended.topup
    if ended.objection is not None:
        raise ReportRecorded(
            f"{ended.objection} The report was stored for the operator, but changed nothing.",
            extra={"transaction_id": topup.id, "status": topup.status},
        )
    return answer(
        codes.SUCCESS,
        Settlement(status=topup.status),
        now_us=call.now_us,
        status=topup.status,
        transaction_id=topup.id,
    )


def _given(body: SettleBody) -> Deliverable | None:
    given = body.deliverable
    if body.status != "delivered":
        return None
    if given is None:
        return CREDIT
    expires_at = time_us(given.expires_at, "deliverable.expires_at")
    try:
        return checked_deliverable(
            Deliverable(given.kind, given.value, given.redeem_url, given.instructions, expires_at)
        )
    except DeliverableRefused as error:
        raise InvalidInput(str(error), param="deliverable") from None


async def _signed_for(call: RequestContext[SettleBody, Fields]) -> tuple[TopUp, str]:
    topup_id = call.params["transaction_id"]

    async def work(tx: Transaction) -> tuple[TopUp | None, Sequence[Attempt]]:
        found = (await topups.load(tx, [topup_id])).get(topup_id)
        return found, () if found is None else await attempts.load(tx, [topup_id])

    found, known = await call.context.database.read(work)
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.items()
    }
    named = {call.body.transaction_id, headers.get(ID_HEADER.lower(), topup_id)}
    now_s = call.now_us // SECOND_US
    # For an unknown ID, check against an empty secret, which no signature matches.
    speakers = [("", "")] if found is None else _speakers(call, found, known)
    for supplier, secret in speakers:
        wrong = verify(headers=headers, body=call.raw, secret=secret, now_s=now_s)
        if found is not None and not wrong and named == {topup_id}:
            return found, supplier
    raise SignatureRefused(
        "The signature is wrong. Sign the exact body with the callback secret of the supplier that was"
        " called for this top-up, and send the top-up's transaction_id.",
        reason="signature",
    )


def _speakers(
    call: RequestContext[SettleBody, Fields], topup: TopUp, known: Sequence[Attempt]
) -> list[tuple[str, str]]:
    """Return the suppliers that may report on the top-up, with their secrets. The current supplier comes first."""
    suppliers, first = call.context.suppliers, topup.supplier
    if first is None:
        source = suppliers.book.of(topup.environment).next_after(topup.platform, ())
        first = None if source is None else source.id
    names = dict.fromkeys([first, *(one.supplier for one in reversed(known))])
    found = [suppliers.find(topup.environment, name) for name in names]
    return [(one.id, one.callback_secret or "") for one in found if one is not None]


ROUTES = (
    Route(
        "POST",
        "/fulfilment/{transaction_id}",
        settle,
        "Settle a pending top-up as its supplier",
        body=SettleBody,
        description=(
            "Reports the result of a top-up. Sign the request like our webhooks, with the platform's `secret`, at"
            " most five minutes ago: use either Standard Webhooks headers (`webhook-id` is the transaction ID) or"
            " `X-AiTopUp-Signature`. The body contains the transaction ID, too. A repeated call returns the top-up's"
            " final status. If a report contradicts that status, belongs to another top-up or can't be right, it is"
            " stored for the operator, and the response is 409."
        ),
        is_public=True,
        takes_key=False,
        answers=ok(Settlement),
        refuses=(codes.INVALID_KEY, codes.MISSING_SCOPE, codes.ALREADY_SETTLED),
    ),
)
