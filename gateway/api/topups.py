"""Top-ups: send, validate, cancel, status, history. The send is the hot path of the gateway."""

from functools import partial
from typing import Annotated, Any

from msgspec import Meta

from billing.topups import queries as history
from billing.topups.quote import Rehearsal, quote_id, with_quote
from billing.topups.send import Caller, SendRequest, new_send, prepare
from billing.topups.settlement import Cancel, EndedTopUp
from billing.topups.topup import (
    DeliveryOptions,
)
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, Outcome, exported, ok
from gateway.api.bodies.send_body import (
    Address,
    DeliveryBody,
    OneSend,
    SendBody,
    SenderReferenceField,
    ValidateBody,
)
from gateway.api.schemas.topups import (
    FailedSend,
    Quote,
    Sent,
    SentForApproval,
    SettledTopUp,
    TopUp as TopUpShape,
)
from gateway.api.sent_answer import SentAnswer, failed
from gateway.api.waiting import told_to_poll
from gateway.http.lists import Export, list_or_csv
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import rfc3339
from kernel.fields import ExportPage, Fields, Text, Time, time_us
from kernel.words import TopUpStatus
from keys.normalise import InvalidEmail, normalise_email
from keys.principal import key_bound_to_own
from runtime.log import mask

HTTP_OK = 200
_READS = ("topup:read",)
_COLUMNS = (
    *("transaction_id", "status", "platform", "amount_cents", "fee_cents", "charged_cents"),
    *("recipient_email", "voucher_code_hint", "new_balance_cents", "reference", "note"),
    *("failure_reason", "key_id", "scheduled_for", "created_at", "settled_at", "claimed_at"),
    *("emailed_at", "metadata", "key_name"),
)
# A file never has a code in it.
_EXPORT = Export("topups", _READS, _COLUMNS, TopUpShape.of)


class CancelBody(Fields, frozen=True, kw_only=True):
    """Which top-up."""

    transaction_id: Text


class HistoryQuery(ExportPage, frozen=True, kw_only=True):
    """Filters of the history; created_after is inclusive, created_before exclusive."""

    status: Annotated[TopUpStatus, Meta(description="Only top-ups in this state.")] | None = None
    platform: Annotated[Text, Meta(description="Only top-ups of this platform.")] | None = None
    recipient_email: (
        Annotated[Address, Meta(description="Only top-ups to this recipient.")] | None
    ) = None
    reference: (
        Annotated[SenderReferenceField, Meta(description="Only the top-up with this reference.")]
        | None
    ) = None
    key_id: Annotated[Text, Meta(description="Only top-ups that this key sent.")] | None = None
    created_after: Time | None = None
    created_before: Time | None = None


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


async def cancel(call: RequestContext[CancelBody, Fields]) -> Answer:
    principal = call.principal
    command = Cancel(
        call.body.transaction_id,
        principal.tenant,
        principal.credential_id,
        key_bound_to_own(principal),
    )
    return await call.context.engine.submit_once(command, call.request_key, _cancelled)


async def list_topups(call: RequestContext[Fields, HistoryQuery]) -> Reply:
    query = call.query
    wanted = history.TopUpFilter(
        status=query.status,
        platform=None if query.platform is None else query.platform.strip().lower(),
        recipient_email=_normalised(query.recipient_email),
        reference=query.reference,
        key_id=query.key_id,
        created_after=time_us(query.created_after, "created_after"),
        created_before=time_us(query.created_before, "created_before"),
    )
    rules, principal = call.context.topup_rules, call.principal
    seen = rules.codes
    read = partial(history.page, tenant=principal.tenant, wanted=wanted)
    return await list_or_csv(
        call,
        "txn",
        read,
        _EXPORT,
        shape=lambda topup: TopUpShape.of(
            topup,
            seen.shown(topup, principal),
            seen.value_shown(topup, principal),
            claim_url=rules.claim_url_shown(topup, principal),
        ),
        sorts=history.SORTS,
    )


def _caller_of(call: RequestContext[Any, Any]) -> Caller:
    key = call.request_key
    return Caller(call.address_text, None if key is None else mask(key.text))


def _normalised(address: str | None) -> str | None:
    return None if address is None else normalise_email(address)


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


def _cancelled(ended: EndedTopUp) -> Answer:
    topup = ended.topup
    return answer(
        codes.CANCELLED,
        SettledTopUp.of(topup, wallet_balance_cents=ended.wallet_balance_cents),
        now_us=topup.settled_at or topup.created_at,
        status=topup.status,
        transaction_id=topup.id,
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

ROUTES = (
    Route(
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
    ),
    Route(
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
    ),
    Route(
        "POST",
        "/topup/cancel",
        cancel,
        "Cancel a scheduled or pending top-up",
        scopes=("topup:send",),
        body=CancelBody,
        is_for_paused=True,
        description=(
            "Its funds go back to where they came from, and topup.cancelled is sent. A key takes back what"
            " it or a key below it sent; what others sent, with `topup:reverse`."
        ),
        answers=ok(SettledTopUp, codes.CANCELLED),
        refuses=(codes.ALREADY_DELIVERED, codes.NOT_FOUND, codes.ALREADY_SETTLED),
    ),
    Route(
        "GET",
        "/topup/history",
        list_topups,
        "Top-ups, newest first",
        scopes=_READS,
        query=HistoryQuery,
        answers=exported(Listing[TopUpShape]),
        refuses=(codes.INVALID_RECIPIENT,),
    ),
)
