"""The responses to a top-up that its own request paid for."""

from typing import Any, Final, Literal

from billing.machine_payments.payment import MachinePayment, PaymentState
from billing.topups.approval import Approval
from billing.topups.topup import TopUp
from billing.topups.views import Held, deliverable_of
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.http.errors import doc_url
from gateway.http.request_context import RequestContext
from gateway.http.waiting import poll_links, told_to_poll
from gateway.x402.views import GivenBack, MachinePaymentShape, PaidTopUp
from kernel.clock import rfc3339
from kernel.fields import Fields
from kernel.refused import Failure
from kernel.words import Link, time_of

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
    return told_to_poll(call, made)


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
