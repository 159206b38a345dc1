"""Fulfilments: one settles a pending top-up itself, signed under its platform's secret.

No credential: the signature over the raw body is the proof. The body names its transaction, and so does
a Webhook-Id, so that what was signed for one top-up settles no other of the same platform. An unknown
transaction answers like a wrong signature, so nobody learns which ids exist.
"""

from typing import Annotated, Literal

from msgspec import Meta

from billing.fulfilment.http import COST_CENTS_MAX
from billing.fulfilment.protocol import CREDIT, SignatureRefused
from billing.topups import topup as topups
from billing.topups.deliverable import (
    INSTRUCTIONS_CHARACTERS_MAX,
    REDEEM_URL_CHARACTERS_MAX,
    VALUE_CHARACTERS_MAX,
    Deliverable,
    DeliverableRefused,
    checked,
)
from billing.topups.fulfilment import Settle
from billing.topups.topup import TopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.topups import Settlement
from gateway.http.fields import Fields, Time, time_us
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from keys.signatures.signing import ID_HEADER, verify
from store.database import Transaction


class DeliverableBody(Fields, frozen=True, kw_only=True):
    """What the recipient is given; a kind other than credit has a value. Plain text, at most so long."""

    kind: Annotated[
        Literal["credit", "code", "key", "link", "note"],
        Meta(description="What it is; credit: it lies in an account of the recipient's."),
    ]
    value: (
        Annotated[
            str,
            Meta(
                max_length=VALUE_CHARACTERS_MAX, description="The code, key, link or note itself."
            ),
        ]
        | None
    ) = None
    redeem_url: (
        Annotated[str, Meta(max_length=REDEEM_URL_CHARACTERS_MAX, description="Where it is used.")]
        | None
    ) = None
    instructions: (
        Annotated[
            str,
            Meta(
                max_length=INSTRUCTIONS_CHARACTERS_MAX, description="How it is used, in plain text."
            ),
        ]
        | None
    ) = None
    expires_at: Time | None = None


class SettleBody(Fields, frozen=True, kw_only=True):
    """What became of the top-up; the reason of a failure is shown to the sender.

    deliverable: of a delivered one; without it the recipient has the credit in an account there.
    """

    transaction_id: Annotated[
        str, Meta(max_length=64, description="The one of the path: the signature covers it here.")
    ]
    status: Annotated[Literal["delivered", "failed"], Meta(description="How the top-up ended.")]
    reason: (
        Annotated[str, Meta(max_length=200, description="Why it failed; its sender reads it.")]
        | None
    ) = None
    deliverable: (
        Annotated[
            DeliverableBody,
            Meta(
                description="Of a delivered one; without it the recipient has the credit in an account there."
            ),
        ]
        | None
    ) = None
    cost_cents: (
        Annotated[int, Meta(ge=0, le=COST_CENTS_MAX, description="What it cost you, in US cents.")]
        | None
    ) = None


async def settle(call: RequestContext[SettleBody, Fields]) -> Answer:
    """Ends the pending top-up, once; repeated, it answers with how the top-up ended."""
    topup = await _signed_for(call)
    if topup.status == "pending":
        command = Settle(
            topup_id=topup.id,
            tenant=topup.tenant,
            outcome=call.body.status,
            reason=call.body.reason or "refused by the fulfilment",
            given=_given(call.body),
            by=topup.supplier,
            cost_cents=call.body.cost_cents,
        )
        topup = (await call.context.engine.submit(command)).topup
    return answer(
        codes.SUCCESS,
        Settlement(status=topup.status),
        now_us=call.now_us,
        status=topup.status,
        transaction_id=topup.id,
    )


def _given(body: SettleBody) -> Deliverable | None:
    """Raises InvalidInput for a deliverable that cannot be kept."""
    given = body.deliverable
    if body.status != "delivered":
        return None
    if given is None:
        return CREDIT
    expires_at = time_us(given.expires_at, "deliverable.expires_at")
    try:
        return checked(
            Deliverable(given.kind, given.value, given.redeem_url, given.instructions, expires_at)
        )
    except DeliverableRefused as error:
        raise InvalidInput(str(error), param="deliverable") from None


async def _signed_for(call: RequestContext[SettleBody, Fields]) -> TopUp:
    """The top-up that the request settles; raises SignatureRefused."""
    topup_id = call.params["transaction_id"]

    async def work(tx: Transaction) -> TopUp | None:
        return (await topups.load(tx, [topup_id])).get(topup_id)

    found = await call.context.database.read(work)
    secret = "" if found is None else _secret_of(call, found)
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.items()
    }
    # An unknown id is checked against an empty secret, which nothing verifies against.
    wrong = verify(headers=headers, body=call.raw, secret=secret, now_s=call.now_us // SECOND_US)
    named = {call.body.transaction_id, headers.get(ID_HEADER.lower(), topup_id)}
    if found is None or wrong or named != {topup_id}:
        raise SignatureRefused(
            "The signature does not fit: sign these bytes with the callback secret of the supplier that is"
            " asked for this top-up, and name its transaction_id.",
            reason="signature",
        )
    return found


def _secret_of(call: RequestContext[SettleBody, Fields], topup: TopUp) -> str:
    """What its supplier signs with; empty: nobody may speak for it.

    One that is no longer asked for the top-up has no word about it any more. What waits for an
    approval has no supplier yet: then its platform's first one counts.
    """
    suppliers, supplier_id = call.context.suppliers, topup.supplier
    if supplier_id is None:
        source = suppliers.book.of(topup.environment).next_after(topup.platform, ())
        supplier_id = None if source is None else source.id
    supplier = suppliers.find(topup.environment, supplier_id)
    return "" if supplier is None else supplier.callback_secret or ""


ROUTES = (
    Route(
        "POST",
        "/fulfilment/{transaction_id}",
        settle,
        "Settle a pending top-up, signed by its fulfilment",
        body=SettleBody,
        description=(
            "Signed like a webhook of ours, under the platform's `secret`: Standard Webhooks headers"
            " (`webhook-id` is the transaction's id) or `X-AiTopUp-Signature`, at most five minutes"
            " old. The body names the transaction, too. Repeated, it answers with how the top-up"
            " ended."
        ),
        is_public=True,
        takes_key=False,
        answers=ok(Settlement),
        refuses=(codes.INVALID_KEY, codes.MISSING_SCOPE),
    ),
)
