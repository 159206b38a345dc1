"""Top-ups: send, validate, cancel, status, history.

The send is the hot path of the gateway, so it is no act; see billing/topups/acts.py for the rest.
"""

from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import asdict, replace

from billing.topups.approval import Approval
from billing.topups.quote import Rehearsal, quote_id, with_quote
from billing.topups.send import Caller, SendRequest, Sent as Decided, new_send, prepare
from billing.topups.topup import (
    DeliveryOptions,
    TopUp,
)
from billing.topups.views import Held, Quote, Sent, SentForApproval, TopUpFields
from billing.topups.voucher import sees_code
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, ok
from gateway.answers.refused import Failure
from gateway.answers.words import API_PREFIX
from gateway.api.bodies.send_body import DeliveryBody, OneSend, SendBody, ValidateBody
from gateway.http.errors import doc_url
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from gateway.http.waiting import poll_links, told_to_poll
from kernel.clock import rfc3339
from kernel.fields import Fields, time_us
from kernel.words import Link
from keys.normalise import InvalidEmail
from runtime.log import mask

HTTP_OK = 200


async def send(call: RequestContext[SendBody, Fields]) -> Answer:
    """Commit in one batch; the response is rendered inside it and sent once it is durable."""
    body = call.body
    request = request_of(call, body, body.quote_id, body.intent)
    command = new_send(call.principal, request, _caller_of(call))
    sent = await call.context.engine.submit_once(command, call.request_key, SentAnswer(call))
    return sent if sent.status == HTTP_OK else told_to_poll(call, sent)


async def validate(call: RequestContext[ValidateBody, Fields]) -> Answer:
    """Apply the same rules to a snapshot: 1000 with a quote, or the very refusal of a send."""
    request = _prepared(call, call.body, call.body.intent)
    rehearsal = Rehearsal(new_send(call.principal, request))
    quote, sent = await call.context.engine.rehearse(rehearsal)
    if sent.topup.status == "failed":
        return failed(call, sent.topup, transaction_id=None)
    named = Quote.of(
        quote,
        quote_id=quote_id(call.context.vault, call.principal, request, quote.ends_at),
        quote_expires_at=rfc3339(quote.ends_at),
    )
    return answer(codes.SUCCESS, named, now_us=call.now_us)


def _caller_of(call: RequestContext[Any, Any]) -> Caller:
    key = call.request_key
    return Caller(call.address_text, None if key is None else mask(key.text))


def request_of(
    call: RequestContext[Any, Any], body: OneSend, quoted: str | None, intent: str | None = None
) -> SendRequest:
    """Return the caller's send, at the price of its quote if it has one.

    Raises InvalidPlatform, InvalidEmail or AmountOutOfRange, and InvalidInput for another send's quote.
    """
    request = _prepared(call, body, intent)
    if quoted is None:
        return request
    return with_quote(call.context.vault, call.principal, request, quoted)


def _prepared(call: RequestContext[Any, Any], body: OneSend, intent: str | None) -> SendRequest:
    """Price the fields now; raise InvalidPlatform, InvalidEmail or AmountOutOfRange."""
    principal, address = call.principal, body.recipient_email
    return prepare(
        call.context.topup_rules.platforms.of(principal.environment),
        account_id=principal.account_id,
        platform=body.platform,
        amount_cents=body.amount_cents,
        recipient_email=_own_address(call, body.platform) if address is None else address,
        reference=body.reference,
        metadata=body.metadata,
        note=body.note,
        delivery=_options_of(body.delivery),
        send_at=time_us(body.send_at, "send_at"),
        is_distinct=body.distinct,
        intent=intent,
    )


def _options_of(said: DeliveryBody | None) -> DeliveryOptions | None:
    if said is None:
        return None
    return DeliveryOptions(said.email, said.locale, said.message)


def _own_address(call: RequestContext[Any, Any], platform: str) -> str:
    platforms = call.context.topup_rules.platforms.of(call.principal.environment)
    platforms.find(platform)
    address = call.principal.account_email
    if address is None:
        raise InvalidEmail("The account has no email address. Give a recipient_email.")
    return address


class FailedSend(TopUpFields, kw_only=True):
    """A send that its platform refused; the funds are back. A dry run has no id."""

    error: Annotated[Failure, Meta(description="Why the platform refused it.")]


class SentAnswer:
    """Makes the response to a send; a class, since a closure for each send costs more."""

    __slots__ = ("_call",)

    def __init__(self, call: RequestContext[SendBody, Fields]) -> None:
        self._call = call

    def __call__(self, sent: Decided) -> Answer:
        if sent.is_replay:
            return self._replayed(sent)
        topup, call = sent.topup, self._call
        if topup.status == "failed":
            return failed(call, topup, transaction_id=topup.id)
        may_see = sees_code(call.principal, topup.spent_by)
        claim_url = sent.claim_url if may_see else None
        code, data = self._told(sent, claim_url)
        return answer(
            code,
            data,
            now_us=topup.created_at,
            status=topup.status,
            transaction_id=topup.id,
            voucher_of=topup.id,
            voucher_code=sent.voucher_code,
            claim_url=claim_url,
        )

    def _replayed(self, sent: Decided) -> Answer:
        """Return what an intent named before, with its code for readers who may see it."""
        topup, call = sent.topup, self._call
        if topup.status == "failed":
            return failed(call, topup, transaction_id=topup.id)
        may_see = sees_code(call.principal, topup.spent_by)
        shown = replace(sent, voucher_code=sent.voucher_code if may_see else None)
        claim_url = sent.claim_url if may_see else None
        code, data = self._told(shown, claim_url)
        made = answer(
            code,
            data,
            now_us=topup.created_at,
            status=topup.status,
            transaction_id=topup.id,
            voucher_of=topup.id,
            voucher_code=shown.voucher_code,
            claim_url=claim_url,
        )
        return replace(made, is_replay=True)

    def _told(self, sent: Decided, claim_url: str | None) -> tuple[int, Sent]:
        """Return the code and the data; of a waiting one with the calls that come next."""
        topup, data = sent.topup, Sent.of(sent, claim_url)
        if sent.approval is not None:
            return codes.APPROVAL_REQUIRED, self._for_approval(data, topup, sent.approval)
        code = codes.OUTCOMES[topup.status]
        if code == codes.PENDING:
            data.links = poll_links(self._call, topup.id, topup.status)
            data.next_action = "poll"
        return code, data

    def _for_approval(self, sent: Sent, topup: TopUp, asked: Approval) -> Sent:
        public_url = self._call.context.topup_rules.public_url
        held = Held.of(asked, url=f"{public_url}/dashboard/approvals/{asked.id}")
        links = poll_links(self._call, topup.id, topup.status, asked.id)
        return SentForApproval(
            **{**asdict(sent), "approval": held, "links": links, "next_action": "poll"}
        )


def _after_failure(call: RequestContext[Any, Any], transaction_id: str | None) -> list[Link]:
    api = f"{call.home}{API_PREFIX}"
    links = [Link(rel="platforms", method="GET", href=f"{api}/platforms")]
    if transaction_id is not None:
        path = f"/topup/status/{transaction_id}"
        links.insert(0, Link(rel="earlier", method="GET", href=api + path))
    return links


def failed(call: RequestContext[Any, Any], topup: TopUp, *, transaction_id: str | None) -> Answer:
    """Return 3005: the top-up failed and the funds are back; repeating it is no use."""
    next_action = codes.CODES[codes.FAILED_REFUNDED].next_action
    assert next_action is not None, "a code of an error says what to do next"
    error = Failure(
        detail=topup.failure_reason or "the fulfilment refused",
        param=None,
        retryable=False,
        retry_after_s=None,
        next_action=next_action,
        doc_url=doc_url(call.home, codes.FAILED_REFUNDED),
        links=_after_failure(call, transaction_id),
    )
    return answer(
        codes.FAILED_REFUNDED,
        FailedSend.of(topup, error=error, transaction_id=transaction_id),
        now_us=topup.created_at,
        http_status=422,
        status=topup.status,
        transaction_id=transaction_id,
    )


_REFUSES = (
    codes.INSUFFICIENT_BALANCE,
    codes.INVALID_PLATFORM,
    codes.INVALID_RECIPIENT,
    codes.AMOUNT_OUT_OF_RANGE,
    codes.DUPLICATE,
    codes.CAP_EXCEEDED,
)
_REFUSED_BY_PLATFORM = Outcome(422, FailedSend, (codes.FAILED_REFUNDED,))

SEND: Final = Route(
    "POST",
    "/topup/send",
    send,
    "Send prepaid credit to a recipient's wallet",
    scopes=("topup:send",),
    body=SendBody,
    description=(
        "Debits the account's wallet, credits the recipient's, issues the voucher and sends the"
        " webhook, all in one transaction. Pending where the platform takes its time, or where"
        " a person has to approve. With `send_at` it is scheduled: the funds are held and the"
        " caps counted now, it can be cancelled until then, and at its time the key, the"
        " account and the platform are looked at again (3005 and a refund where one of them"
        " refuses). Give an Idempotency-Key, and a repeated call sends once; an `intent` does the"
        " same over all doors and all keys of the account."
    ),
    answers=(
        Outcome(200, Sent, (codes.DELIVERED, codes.CANCELLED, codes.REVERSED)),
        Outcome(202, Sent, (codes.PENDING,)),
        Outcome(202, SentForApproval, (codes.APPROVAL_REQUIRED,)),
        _REFUSED_BY_PLATFORM,
    ),
    refuses=_REFUSES,
)
VALIDATE: Final = Route(
    "POST",
    "/topup/validate",
    validate,
    "Rehearse a send: the same rules, nothing written",
    scopes=("topup:send",),
    body=ValidateBody,
    takes_key=False,
    is_for_paused=True,
    answers=(*ok(Quote), _REFUSED_BY_PLATFORM),
    refuses=_REFUSES,
)
ROUTES = (SEND, VALIDATE)
