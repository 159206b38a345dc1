"""The response to a send: delivered, pending, waiting for a person, failed; or the top-up that its intent
named before, with its code for readers who may see it.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import asdict, replace

from billing.topups.approval import Approval
from billing.topups.send import Sent as Decided
from billing.topups.topup import TopUp
from billing.topups.voucher import sees_code
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.refused import Failure, Link
from gateway.answers.words import API_PREFIX
from gateway.api.bodies.send_body import SendBody
from gateway.api.schemas.topups import FailedSend, Held, Sent, SentForApproval
from gateway.api.waiting import poll_links
from gateway.http.errors import doc_url
from gateway.http.request_context import RequestContext
from kernel.fields import Fields
from kernel.words import TopUpStatus

# The code of a top-up's state.
OUTCOMES: Final[Mapping[TopUpStatus, int]] = {
    "delivered": codes.DELIVERED,
    "scheduled": codes.PENDING,
    "pending": codes.PENDING,
    "failed": codes.FAILED_REFUNDED,
    "cancelled": codes.CANCELLED,
    "reversing": codes.PENDING,
    "reversed": codes.REVERSED,
}


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
        code = OUTCOMES[topup.status]
        if code == codes.PENDING:
            can_cancel = topup.status != "reversing"
            data.links = poll_links(self._call, topup, can_cancel=can_cancel)
            data.next_action = "poll"
        return code, data

    def _for_approval(self, sent: Sent, topup: TopUp, asked: Approval) -> Sent:
        public_url = self._call.context.topup_rules.public_url
        held = Held.of(asked, url=f"{public_url}/dashboard/approvals/{asked.id}")
        links = poll_links(self._call, topup, asked.id)
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
