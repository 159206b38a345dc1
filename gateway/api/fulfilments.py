"""Fulfilments: one settles a pending top-up itself, signed under its platform's secret.

No credential: the signature over the raw body is the proof. The body names its transaction, and so does
a Webhook-Id, so that what was signed for one top-up settles no other of the same platform. An unknown
transaction answers like a wrong signature, so nobody learns which ids exist.
"""

from typing import Annotated, Literal

from msgspec import Meta

from billing.fulfilment.protocol import SignatureRefused
from billing.topups import topup as topups
from billing.topups.settlement import Settle
from billing.topups.topup import TopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.topups import Settlement
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US
from keys.signing import ID_HEADER, verify
from store.database import Transaction

SECRET_OPTION = "secret"  # noqa: S105 the option's name


class SettleBody(Fields, frozen=True, kw_only=True):
    """What became of the top-up; the reason of a failure is shown to the sender."""

    transaction_id: Annotated[
        str, Meta(max_length=64, description="The one of the path: the signature covers it here.")
    ]
    status: Literal["delivered", "failed"]
    reason: Annotated[str, Meta(max_length=200)] | None = None


async def settle(call: RequestContext[SettleBody, Fields]) -> Answer:
    """Ends the pending top-up, once; repeated, it answers with how the top-up ended."""
    topup = await _signed_for(call)
    if topup.status == "pending":
        command = Settle(
            topup_id=topup.id,
            tenant=topup.tenant,
            outcome=call.body.status,
            reason=call.body.reason,
        )
        topup = (await call.context.engine.submit(command)).topup
    return answer(
        codes.SUCCESS,
        Settlement(status=topup.status),
        now_us=call.now_us,
        status=topup.status,
        transaction_id=topup.id,
    )


async def _signed_for(call: RequestContext[SettleBody, Fields]) -> TopUp:
    """The top-up that the request settles; raises SignatureRefused."""
    topup_id = call.params["transaction_id"]

    async def work(tx: Transaction) -> TopUp | None:
        return (await topups.load(tx, [topup_id])).get(topup_id)

    found = await call.context.database.read(work)
    platforms = {one.id: one for one in call.context.topup_rules.platforms.all()}
    platform = None if found is None else platforms.get(found.platform)
    secret = "" if platform is None else str(platform.options.get(SECRET_OPTION, ""))
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.items()
    }
    # An unknown id is checked against an empty secret, which nothing verifies against.
    wrong = verify(headers=headers, body=call.raw, secret=secret, now_s=call.now_us // SECOND_US)
    named = {call.body.transaction_id, headers.get(ID_HEADER.lower(), topup_id)}
    if found is None or wrong or named != {topup_id}:
        raise SignatureRefused("the request is not signed by this top-up's fulfilment")
    return found


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
