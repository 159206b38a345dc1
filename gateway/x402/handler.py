"""Handle POST /x402/topup: return the price, or the top-up that the payment in the request pays for.

A known payment isn't verified or charged again. To see codes, a caller needs the payment's identifier, or a key
that may see them. If the identifier could be guessed, the payment's signature is also required.
"""

import hashlib
import hmac
from typing import Any, Final, Literal

import msgspec

from billing.machine_payments.payment import (
    MACHINE_ACCOUNT,
    MPP,
    X402,
    MachinePayment,
    NotOffered,
    PaidRequest,
    PaymentRequired,
    PaymentState,
    check_same,
    find,
)
from billing.topups.approval import Approval, load_for_topups
from billing.topups.queries import find_named
from billing.topups.rules import sees_code
from billing.topups.send import Send, check_same as check_same_intent
from billing.topups.topup import DeliveryOptions, TopUp, load
from billing.topups.views import Held, deliverable_of
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.http.errors import doc_url
from gateway.http.request_context import RequestContext
from gateway.http.waiting import poll_links, with_poll_headers
from gateway.x402 import credentials, headers
from gateway.x402.credentials import Misfit
from gateway.x402.offered import LIVE_FIRST
from gateway.x402.payment_methods import (
    Nothing,
    PaidCall,
    PaidToolCall,
    PaymentMethod,
    Shown,
    caller,
    environment_of,
    ways_of,
)
from gateway.x402.views import GivenBack, MachinePaymentShape, PaidTopUp
from kernel.clock import rfc3339, time_of
from kernel.errors import InvalidInput
from kernel.fields import Fields
from kernel.ids import new_id
from kernel.refused import Failure
from kernel.tenant import Tenant
from kernel.words import Link
from keys.normalise import normalise_email
from keys.principal import Environment, Principal
from store.database import Transaction

RETRY_AFTER_S: Final = 2
_STATES: Final[dict[PaymentState, Literal["settling", "paid", "refused", "refunded"]]] = {
    "settling": "settling",
    "unknown": "settling",
    "paid": "paid",
    "refused": "refused",
    "refunded": "refunded",
}


def answer_of(
    call: RequestContext[Any, Fields],
    payment: MachinePayment,
    topup: TopUp | None,
    approval: Approval | None,
    *,
    may_see: bool,
) -> Answer:
    if payment.state == "refunded":
        return _given_back(call, payment, topup, may_see=may_see)
    if topup is None or payment.state != "paid":
        call.reply_headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
        data = _shape(call, payment, None, may_see=may_see)
        _add_next(data, [_again(call)])
        return answer(codes.PENDING, data, now_us=call.now_us, status="pending")
    data = _shape(call, payment, topup, may_see=may_see)
    code = codes.OUTCOMES[topup.status]
    if code == codes.PENDING:
        code = _add_wait(call, data, topup, approval)
    made = answer(
        code,
        data,
        now_us=topup.created_at,
        status=topup.status,
        transaction_id=topup.id,
    )
    if call.credential is None:
        if code == codes.PENDING:
            call.reply_headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
        return made
    return with_poll_headers(call, made)


def _add_wait(
    call: RequestContext[Any, Fields], data: PaidTopUp, topup: TopUp, approval: Approval | None
) -> int:
    if call.credential is None:
        _add_next(data, [_again(call)])
        return codes.PENDING
    if approval is None or approval.status != "pending":
        _add_next(data, poll_links(call, topup.id, topup.status))
        return codes.PENDING
    public_url = call.context.topup_rules.public_url
    data.approval = Held.of(approval, url=f"{public_url}/dashboard/approvals/{approval.id}")
    _add_next(data, poll_links(call, topup.id, topup.status, approval.id))
    return codes.APPROVAL_REQUIRED


def _add_next(data: PaidTopUp, links: list[Link]) -> None:
    data.links, data.next_action = links, "poll"


def _again(call: RequestContext[Any, Fields]) -> Link:
    return Link(rel="poll", method="POST", href=f"{call.home}{call.path}")


def named_answer(call: RequestContext[Any, Fields], topup: TopUp, *, may_see: bool) -> Answer:
    data = PaidTopUp(
        platform=topup.platform,
        amount_cents=topup.amount_cents,
        fee_cents=topup.fee_cents,
        charged_cents=topup.charged_cents,
        recipient_email=topup.recipient_email,
        **_spendable(call, topup, may_see=may_see),
        payment=None,
        refund=None,
    )
    code = codes.OUTCOMES[topup.status]
    if topup.status == "failed":
        data.error = _failure(call, topup.failure_reason)
    return answer(
        code,
        data,
        now_us=topup.created_at,
        http_status=422 if topup.status == "failed" else None,
        status=topup.status,
        transaction_id=topup.id,
    )


def _given_back(
    call: RequestContext[Any, Fields],
    payment: MachinePayment,
    topup: TopUp | None,
    *,
    may_see: bool,
) -> Answer:
    data = _shape(call, payment, topup, may_see=may_see)
    code = call.context.machine_payments.refund_code_of(payment) if may_see else None
    data.refund = GivenBack(
        voucher_code=code,
        voucher_code_hint=payment.refund_code_hint or "",
        amount_cents=payment.charged_cents,
        reason=payment.detail,
    )
    data.error = _failure(call, payment.detail)
    return answer(
        codes.FAILED_REFUNDED,
        data,
        now_us=call.now_us,
        http_status=422,
        status="failed",
        transaction_id=None if topup is None else topup.id,
    )


def _shape(
    call: RequestContext[Any, Fields],
    payment: MachinePayment,
    topup: TopUp | None,
    *,
    may_see: bool,
) -> PaidTopUp:
    request = payment.request
    return PaidTopUp(
        platform=request.platform,
        amount_cents=request.amount_cents,
        fee_cents=request.fee_cents,
        charged_cents=request.charged_cents,
        recipient_email=request.recipient_email,
        **_spendable(call, topup, may_see=may_see),
        payment=MachinePaymentShape(
            id=payment.id,
            state=_STATES[payment.state],
            network=payment.network,
            asset=payment.asset,
            amount=payment.amount,
            payer=payment.payer,
            settlement=payment.settlement,
            created_at=rfc3339(payment.created_at),
            settled_at=time_of(payment.settled_at),
        ),
        refund=None,
    )


def _spendable(
    call: RequestContext[Any, Fields], topup: TopUp | None, *, may_see: bool
) -> dict[str, Any]:
    if topup is None:
        return {
            "voucher_code": None,
            "voucher_code_hint": None,
            "deliverable": None,
            "claim_url": None,
        }
    rules = call.context.topup_rules
    is_given = may_see and topup.status == "delivered"
    issued = rules.codes.issued(topup.id, topup.fulfilment_code) if is_given else None
    given = topup.deliverable
    has_value = given is not None and given.value_hint is not None
    return {
        "voucher_code": issued if topup.voucher_code_hint is not None else None,
        "voucher_code_hint": topup.voucher_code_hint,
        "deliverable": deliverable_of(topup, issued if has_value else None),
        "claim_url": rules.claim_url(topup.id) if may_see else None,
    }


def _failure(call: RequestContext[Any, Fields], why: str | None) -> Failure:
    next_action = codes.CODES[codes.FAILED_REFUNDED].next_action
    assert next_action is not None, "a code of an error says what to do next"
    return Failure(
        detail=why or "it could not be delivered",
        param=None,
        retryable=False,
        retry_after_s=None,
        next_action=next_action,
        doc_url=doc_url(call.home, codes.FAILED_REFUNDED),
        links=[Link(rel="guide", method="GET", href=f"{call.home}/docs/x402")],
    )


_SIGNATURE: Final = b"payment-signature"
_BAD: Final = 400
_NOTHING: Final = Nothing()
_TOOL_HOWS: Final = {
    X402: 'with _meta["x402/payment"], a payment of x402 version 2, whose payment-identifier is a random'
    " secret of your own",
    MPP: 'with _meta["org.paymentauth/credential"], which answers the challenge with a shared payment token (spt_…)',
}
WAIT_S: Final = 20.0
_HOWS: Final = {
    X402: "with a PAYMENT-SIGNATURE header of x402 version 2, whose payment-identifier is a random secret of"
    " your own",
    MPP: "with a Payment credential that answers WWW-Authenticate with a shared payment token (spt_…)",
}


async def topup(call: PaidCall) -> Answer:
    principal = await caller(call)
    shown = _shown(call)
    if shown is not None and not isinstance(shown, Misfit):
        found = await _known(call, principal, shown)
        if found is not None:
            return await _resume(call, found, shown, principal)
    protocol = None if shown is None or isinstance(shown, Misfit) else shown.protocol
    environment = environment_of(call, principal, protocol)
    asked = _request_of(call, environment, principal)
    named = await _named(call, asked, _account_of(principal), environment)
    if named is not None:
        platforms = _platforms(call, environment)
        check_same_intent(named, asked.prepare(platforms, named.account_id))
        may_see = principal is not None and sees_code(principal, named.spent_by)
        return named_answer(call, named, may_see=may_see)
    if shown is None:
        await _judge(call, principal, asked, environment)
        why = Misfit("pay this price", "payment-required")
        raise _required(call, environment, asked, why)
    if isinstance(shown, Misfit):
        raise _required(call, environment, asked, shown)
    way = _way(call, environment, asked, shown)
    misfit = way.misfit(call, shown, asked)
    if misfit is not None:
        raise _required(call, environment, asked, misfit)
    return await _pay(call, way, asked, shown, principal, environment)


async def _resume(
    call: PaidCall, found: MachinePayment, shown: Shown, principal: Principal | None
) -> Answer:
    asked = _named_by(call, found.environment)
    check_same(found, _digest(_account_of(principal), found.environment, asked), shown.protocol)
    ended = await call.context.machine_payments.resume(found, wait_s=WAIT_S)
    return await _answer(call, ended, shown, principal)


async def _pay(
    call: PaidCall,
    way: PaymentMethod,
    asked: PaidRequest,
    shown: Shown,
    principal: Principal | None,
    environment: Environment,
) -> Answer:
    room = call.context.staging_room
    if principal is None:
        room.check_environment(environment)
    else:
        room.check(principal, call.context.clock)
    payments = call.context.machine_payments
    payment = _payment(way, asked, shown, principal, environment, call.now_us)
    await payments.rehearse(payment, _send_of(call, payment))
    proof = way.proof(shown, payment)
    verified = await payments.verify(payment, proof)
    if not verified.is_valid:
        # Another request with the same payment may have settled it in the meantime.
        found = await _known(call, principal, shown)
        if found is not None:
            return await _resume(call, found, shown, principal)
        misfit = Misfit(verified.reason, "verification-failed")
        raise _required(call, environment, asked, misfit)
    sealed = msgspec.structs.replace(payment, proof=payments.seal(payment.id, proof))
    ended = await payments.pay(sealed)
    check_same(ended, payment.body_digest, payment.protocol)
    return await _answer(call, ended, shown, principal)


async def known(call: PaidCall) -> MachinePayment | None:
    shown = _shown(call)
    if shown is None or isinstance(shown, Misfit):
        return None
    return await _known(call, await caller(call), shown)


def identifier_of(call: PaidCall) -> str | None:
    shown = _shown(call)
    return None if shown is None or isinstance(shown, Misfit) else shown.identifier


async def state_of(call: PaidCall, payment_id: str) -> Answer | None:
    """Return the payment's current state without codes, or None if the payment was refused."""
    found = await call.context.database.read(lambda tx: find(tx, payment_id))
    if found.state == "refused":
        return None
    payment = await call.context.machine_payments.deliver(found)
    topup, approval = await _topup(call, payment)
    return answer_of(call, payment, topup, approval, may_see=False)


async def _judge(
    call: PaidCall, principal: Principal | None, asked: PaidRequest, environment: Environment
) -> None:
    """Raise an error if the tool's key forbids the send. This happens before anyone is asked to pay."""
    if principal is None or not isinstance(call, PaidToolCall):
        return
    for way in ways_of(call, environment, asked.charged_cents)[:1]:
        payment = _payment(way, asked, _NOTHING, principal, environment, call.now_us)
        await call.context.machine_payments.rehearse(payment, _send_of(call, payment))


def _send_of(call: PaidCall, payment: MachinePayment) -> Send:
    platforms = _platforms(call, payment.environment)
    request = payment.request.prepare(platforms, payment.account_id)
    return Send(payment.transaction_id, payment.tenant, payment.spent_by, request)


async def _answer(
    call: PaidCall, payment: MachinePayment, shown: Shown, principal: Principal | None
) -> Answer:
    is_payer = hmac.compare_digest(payment.identifier, shown.identifier) and (
        shown.is_random or hmac.compare_digest(payment.request.shown, shown.digest)
    )
    if payment.protocol == X402:
        call.reply_headers.append((b"payment-response", _response_header(payment)))
    if payment.state == "refused":
        why = f"the payment was refused: {payment.detail or 'no reason given'}"
        misfit = Misfit(why, "verification-failed")
        raise _required(call, payment.environment, payment.request, misfit)
    found, approval = await _topup(call, payment)
    may_see = is_payer or (
        principal is not None and found is not None and sees_code(principal, found.spent_by)
    )
    made = answer_of(call, payment, found, approval, may_see=may_see)
    if payment.protocol == MPP:
        _add_receipt(call, payment, made)
    return made


def _response_header(payment: MachinePayment) -> bytes:
    return headers.response_header(
        is_settled=payment.settled_at is not None,
        payer=payment.payer,
        network=payment.network,
        amount=payment.amount,
        settlement=payment.settlement,
        reason=payment.detail if payment.state == "refused" else None,
    )


def _add_receipt(call: PaidCall, payment: MachinePayment, made: Answer) -> None:
    """Add the draft's receipt to a successful response. Only the client may cache the response."""
    call.reply_headers.append((b"cache-control", b"private"))
    if made.status < _BAD and payment.settled_at is not None and payment.settlement:
        receipt = credentials.receipt(payment.settlement, payment.settled_at)
        call.reply_headers.append((b"payment-receipt", receipt))


async def _topup(call: PaidCall, payment: MachinePayment) -> tuple[TopUp | None, Approval | None]:
    topup_id = payment.transaction_id

    async def work(tx: Transaction) -> tuple[TopUp | None, Approval | None]:
        topup = (await load(tx, [topup_id])).get(topup_id)
        if topup is None or topup.status != "pending":
            return topup, None
        return topup, (await load_for_topups(tx, [topup_id])).get(topup_id)

    return await call.context.database.read(work)


def _shown(call: PaidCall) -> Shown | Misfit | None:
    header = call.headers.get(_SIGNATURE)
    credential = credentials.read(call.headers)
    if header is None:
        return credential
    if credential is not None:
        raise InvalidInput("Send one payment, not two.", param=headers.HEADER)
    return headers.read(header, call.context.machine_payments.challenge_key)


async def _known(
    call: PaidCall, principal: Principal | None, shown: Shown
) -> MachinePayment | None:
    asked = call.body.environment
    wanted = principal.environment if principal is not None else asked
    for environment in LIVE_FIRST if wanted is None else (wanted,):
        found = await call.context.machine_payments.find_same(
            environment, shown.protocol, payment_ref=shown.ref, identifier=shown.identifier
        )
        if found is not None:
            return found
    return None


async def _named(
    call: PaidCall, asked: PaidRequest, account_id: str, environment: Environment
) -> TopUp | None:
    intent = asked.intent
    if intent is None:
        return None
    tenant = Tenant(account_id, environment)
    return await call.context.database.read(lambda tx: find_named(tx, tenant, intent))


def _request_of(call: PaidCall, environment: str, principal: Principal | None) -> PaidRequest:
    platforms, account_id = _platforms(call, environment), _account_of(principal)
    platforms.find(call.body.platform)
    asked = _named_by(call, environment)
    request = asked.prepare(platforms, account_id)
    return msgspec.structs.replace(asked, fee_cents=request.fee_cents)


def _named_by(call: PaidCall, environment: str) -> PaidRequest:
    """Build the request without checking whether its platform still exists."""
    body = call.body
    said = body.delivery
    return PaidRequest(
        platform=_platforms(call, environment).id_of(body.platform),
        amount_cents=body.amount_cents,
        recipient_email=normalise_email(body.recipient_email),
        metadata=body.metadata,
        note=body.note,
        delivery=None if said is None else DeliveryOptions(said.email, said.locale, said.message),
        intent=body.intent,
        distinct=body.distinct,
    )


def _way(
    call: PaidCall,
    environment: str,
    asked: PaidRequest,
    shown: Shown,
) -> PaymentMethod:
    ways = ways_of(call, environment, asked.charged_cents)
    for way in ways:
        if way.protocol == shown.protocol:
            return way
    raise NotOffered(f"This payment method can't pay {asked.charged_cents} cents in {environment}.")


def _payment(
    way: PaymentMethod,
    asked: PaidRequest,
    shown: Shown | Nothing,
    principal: Principal | None,
    environment: str,
    now_us: int,
) -> MachinePayment:
    account_id = _account_of(principal)
    terms = way.terms(asked)
    return MachinePayment(
        id=new_id("mpy"),
        account_id=account_id,
        environment=environment,
        spent_by=() if principal is None else principal.lineage,
        protocol=way.protocol,
        payment_ref=shown.ref,
        identifier=shown.identifier,
        body_digest=_digest(account_id, environment, asked),
        request=msgspec.structs.replace(asked, shown=shown.digest),
        network=terms.network,
        asset=terms.asset,
        payer=shown.payer,
        amount=terms.amount,
        charged_cents=asked.charged_cents,
        proof="",
        transaction_id=new_id("txn"),
        expires_at=shown.expires_at,
        created_at=now_us,
    )


def _digest(account_id: str, environment: str, asked: PaidRequest) -> str:
    """Return a digest of what is paid for. It excludes `distinct` and the fee, which may have changed."""
    body = {**msgspec.to_builtins(asked), "fee_cents": 0}
    body.pop("distinct", None)
    text = msgspec.json.encode([account_id, environment, body], order="deterministic")
    return hashlib.sha256(text).hexdigest()


def _required(
    call: PaidCall,
    environment: str,
    asked: PaidRequest,
    misfit: Misfit,
) -> PaymentRequired:
    facts: dict[str, Any] = {"charged_cents": asked.charged_cents, "environment": environment}
    if misfit.problem is not None:
        facts["problem"] = f"{credentials.PROBLEMS}{misfit.problem}"
    hows = []
    ways = ways_of(call, environment, asked.charged_cents)
    if not ways:
        raise NotOffered(f"{asked.charged_cents} cents can't be paid in {environment}.")
    for way in ways:
        call.reply_headers.append(way.header(call, asked, misfit.detail))
        facts |= way.facts(asked)
        hows.append((_TOOL_HOWS if isinstance(call, PaidToolCall) else _HOWS)[way.protocol])
    return PaymentRequired(
        f"{misfit.detail}. Send the same request {', or '.join(hows)}", extra=facts
    )


def _platforms(call: PaidCall, environment: str) -> Any:
    return call.context.topup_rules.platforms.of(environment)


def _account_of(principal: Principal | None) -> str:
    return MACHINE_ACCOUNT if principal is None else principal.account_id
