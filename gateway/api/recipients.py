"""Recipients: the mail about a top-up, once more."""

from billing.recipients.resend import Resend, Resent
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.schemas.recipients import RecipientMail
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields


async def resend(call: RequestContext[Fields, Fields]) -> Answer:
    command = Resend(call.params["transaction_id"], call.principal.tenant)
    return await call.context.engine.submit_once(command, call.request_key, _resent)


def _resent(resent: Resent) -> Answer:
    return answer(
        codes.SUCCESS,
        RecipientMail.of(resent.mail),
        now_us=resent.mail.created_at,
        status=resent.topup.status,
        transaction_id=resent.topup.id,
    )


ROUTES = (
    Route(
        "POST",
        "/topup/{transaction_id}/resend",
        resend,
        "Send the recipient's mail once more",
        scopes=("topup:send",),
        description=(
            "To the top-up's own recipient, with the link to the claim page. While a mail is on its"
            " way no second one is written. Counts against the limits of mail in 24 hours."
        ),
        answers=ok(RecipientMail),
        refuses=(codes.MALFORMED, codes.NOT_FOUND, codes.ALREADY_SETTLED, codes.RATE_LIMITED),
    ),
)
