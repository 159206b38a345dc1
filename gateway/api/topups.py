"""Top-ups: send, validate, cancel, status, history. The send is the hot path of the gateway."""

from functools import partial
from typing import Any

from msgspec.structs import asdict

from billing.topups import queries as history
from billing.topups.approval import Approval
from billing.topups.deliverable import (
    DeliveryOptions,
)
from billing.topups.quote import Rehearsal, quote_id, with_quote
from billing.topups.send import Sent as Decided, new_send
from billing.topups.send_request import SendRequest, prepare
from billing.topups.settlement import Cancel, EndedTopUp
from billing.topups.topup import TopUp
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, Outcome, exported, ok
from gateway.answers.refused import Failure
from gateway.answers.words import TopUpStatus
from gateway.api.bodies.send_body import (
    Address,
    DeliveryBody,
    SendBody,
    SenderReferenceField,
    ValidateBody,
)
from gateway.api.schemas.topups import (
    FailedSend,
    Held,
    Quote,
    Sent,
    SentForApproval,
    SettledTopUp,
    TopUp as TopUpShape,
)
from gateway.api.waiting import poll_links, told_to_poll
from gateway.html.render import address_of
from gateway.http.errors import doc_url
from gateway.http.fields import Fields, Text, Time, time_us
from gateway.http.lists import ExportPage, export_rows, list_rows
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import rfc3339
from keys.email_address import InvalidEmail, normalise_email

HTTP_OK = 200
_READS = ("topup:read",)
_CSV_COLUMNS = (
    *("transaction_id", "status", "platform", "amount_cents", "fee_cents", "charged_cents"),
    *("recipient_email", "voucher_code_hint", "new_balance_cents", "reference", "note"),
    *("failure_reason", "key_id", "scheduled_for", "created_at", "settled_at", "claimed_at"),
    *("emailed_at", "metadata"),
)


class CancelBody(Fields, frozen=True, kw_only=True):
    """Which top-up."""

    transaction_id: Text


class HistoryQuery(ExportPage, frozen=True, kw_only=True):
    """Filters of the history; created_after is inclusive, created_before exclusive."""

    status: TopUpStatus | None = None
    platform: Text | None = None
    recipient_email: Address | None = None
    reference: SenderReferenceField | None = None
    created_after: Time | None = None
    created_before: Time | None = None


async def send(call: RequestContext[SendBody, Fields]) -> Answer:
    """One batch on the ledger; the answer is rendered inside it and sent once it is durable."""
    command = new_send(call.principal, request_of(call, call.body))
    sent = await call.context.engine.submit_once(command, call.request_key, _SentAnswer(call))
    return sent if sent.status == HTTP_OK else told_to_poll(call, sent)


async def validate(call: RequestContext[ValidateBody, Fields]) -> Answer:
    """The same rules on a snapshot: 1000 with a quote, or the very refusal of a send."""
    request = _prepared(call, call.body)
    rehearsal = Rehearsal(new_send(call.principal, request))
    quote, sent = await call.context.engine.rehearse(rehearsal)
    if sent.topup.status == "failed":
        return _failed(call, sent.topup, transaction_id=None)
    named = Quote.of(
        quote,
        quote_id=quote_id(call.context.vault, call.principal, request, quote.ends_at),
        quote_expires_at=rfc3339(quote.ends_at),
    )
    return answer(codes.SUCCESS, named, now_us=call.now_us)


async def cancel(call: RequestContext[CancelBody, Fields]) -> Answer:
    """Takes a scheduled or pending top-up back; its funds return to where they came from."""
    principal = call.principal
    command = Cancel(call.body.transaction_id, principal.tenant, principal.credential_id)
    return await call.context.engine.submit_once(command, call.request_key, _cancelled)


async def list_topups(call: RequestContext[Fields, HistoryQuery]) -> Reply:
    """The history, newest first; as CSV without a code, a value or a claim link, whoever asks."""
    query = call.query
    wanted = history.TopUpFilter(
        status=query.status,
        platform=None if query.platform is None else query.platform.strip().lower(),
        recipient_email=_normalised(query.recipient_email),
        reference=query.reference,
        created_after=time_us(query.created_after, "created_after"),
        created_before=time_us(query.created_before, "created_before"),
    )
    rules, principal = call.context.topup_rules, call.principal
    seen = rules.codes
    read = partial(history.page, tenant=principal.tenant, wanted=wanted)
    if query.format == "csv":
        return await export_rows(
            call,
            "txn",
            read,
            name="topups",
            scopes=_READS,
            columns=_CSV_COLUMNS,
            shape=TopUpShape.of,
        )
    return await list_rows(
        call,
        "txn",
        read,
        shape=lambda topup: TopUpShape.of(
            topup,
            seen.shown(topup, principal),
            seen.value_shown(topup, principal),
            claim_url=rules.claim_url_shown(topup, principal),
        ),
    )


def _normalised(address: str | None) -> str | None:
    return None if address is None else normalise_email(address)


def request_of(call: RequestContext[Any, Any], body: SendBody) -> SendRequest:
    """What the caller's send asks for, at the price of its quote where it has one; raises
    InvalidPlatform, InvalidEmail or AmountOutOfRange, and InvalidInput for another send's quote.
    """
    request = _prepared(call, body)
    if body.quote_id is None:
        return request
    return with_quote(call.context.vault, call.principal, request, body.quote_id)


def _prepared(call: RequestContext[Any, Any], body: ValidateBody) -> SendRequest:
    """What the fields say, at the price of now; raises InvalidPlatform, InvalidEmail or AmountOutOfRange."""
    platforms = call.context.topup_rules.platforms.of(call.principal.environment)
    address = body.recipient_email
    return prepare(
        platforms,
        account_id=call.principal.account_id,
        platform=body.platform,
        amount_cents=body.amount_cents,
        recipient_email=_own_address(call, body.platform) if address is None else address,
        reference=body.reference,
        metadata=body.metadata,
        note=body.note,
        delivery=_options_of(body.delivery),
        send_at=time_us(body.send_at, "send_at"),
        is_distinct=body.distinct,
    )


def _options_of(said: DeliveryBody | None) -> DeliveryOptions | None:
    if said is None:
        return None
    return DeliveryOptions(said.email, said.locale, said.message)


def _own_address(call: RequestContext[Any, Any], platform: str) -> str:
    """The address of whoever says "recipient": "self"; raises InvalidPlatform and InvalidEmail."""
    platforms = call.context.topup_rules.platforms.of(call.principal.environment)
    platforms.find(platform)
    address = call.principal.account_email
    if address is None:
        raise InvalidEmail("the account has no address of its own: name a recipient_email")
    return address


class _SentAnswer:
    """Makes the answer of a send's outcome; a class, since a closure for each send costs more."""

    __slots__ = ("_call",)

    def __init__(self, call: RequestContext[SendBody, Fields]) -> None:
        self._call = call

    def __call__(self, sent: Decided) -> Answer:
        topup, call = sent.topup, self._call
        if topup.status == "failed":
            return _failed(call, topup, transaction_id=topup.id)
        claim_url = call.context.topup_rules.claim_url_shown(topup, call.principal)
        data = Sent.of(sent, claim_url)
        if sent.approval is not None:
            code, data = codes.APPROVAL_REQUIRED, self._for_approval(data, sent.approval)
        elif topup.status == "delivered":
            code = codes.DELIVERED
        else:
            code = codes.PENDING
            data.links, data.next_action = poll_links(call, topup.id), "poll"
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

    def _for_approval(self, sent: Sent, asked: Approval) -> Sent:
        public_url = self._call.context.topup_rules.public_url
        held = Held.of(asked, url=f"{public_url}/dashboard/approvals/{asked.id}")
        links = poll_links(self._call, asked.transaction_id, asked.id)
        return SentForApproval(
            **{**asdict(sent), "approval": held, "links": links, "next_action": "poll"}
        )


def _cancelled(ended: EndedTopUp) -> Answer:
    topup = ended.topup
    return answer(
        codes.CANCELLED,
        SettledTopUp.of(topup, wallet_balance_cents=ended.wallet_balance_cents),
        now_us=topup.settled_at or topup.created_at,
        status=topup.status,
        transaction_id=topup.id,
    )


def _failed(call: RequestContext[Any, Any], topup: TopUp, *, transaction_id: str | None) -> Answer:
    """3005: the top-up failed and the funds are back; trying the same again is no use."""
    next_action = codes.CODES[codes.FAILED_REFUNDED].next_action
    assert next_action is not None, "a code of an error says what to do next"
    error = Failure(
        detail=topup.failure_reason or "the fulfilment refused",
        param=None,
        retryable=False,
        retry_after_s=None,
        next_action=next_action,
        doc_url=doc_url(address_of(call), codes.FAILED_REFUNDED),
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
            " refuses). Give an Idempotency-Key, and a repeated call sends once."
        ),
        answers=(
            Outcome(200, Sent, (codes.DELIVERED,)),
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
        description="Its funds go back to where they came from, and topup.cancelled is sent.",
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
