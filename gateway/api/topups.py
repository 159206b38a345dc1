"""Build the responses to sends and dry runs (billing/topups/send_acts.py)."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import asdict, replace

from billing.topups.approval import Approval
from billing.topups.rules import sees_code
from billing.topups.send import Sent as Decided
from billing.topups.send_acts import SEND, VALIDATE, Rehearsed
from billing.topups.topup import TopUp
from billing.topups.views import Held, Quote, Sent, SentForApproval, TopUpFields
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, ok
from gateway.answers.words import API_PREFIX
from gateway.http.acts import Rendered, routes_of
from gateway.http.errors import doc_url
from gateway.http.request_context import RequestContext
from gateway.http.waiting import poll_links
from kernel.refused import Failure
from kernel.words import Link


class FailedSend(TopUpFields, kw_only=True):
    """A send that its platform refused. The funds were released. A dry run has no transaction_id."""

    error: Annotated[Failure, Meta(description="The platform's reason for the refusal.")]


class SentAnswer:
    """Builds the response to a send."""

    __slots__ = ("_call",)

    def __init__(self, call: RequestContext[Any, Any]) -> None:
        self._call = call

    def __call__(self, sent: Decided) -> Answer:
        topup, call = sent.topup, self._call
        if topup.status == "failed":
            return failed(call, topup, transaction_id=topup.id)
        may_see = sees_code(call.principal, topup.spent_by)
        if sent.is_replay and not may_see:
            sent = replace(sent, voucher_code=None)
        claim_url = sent.claim_url if may_see else None
        code, data = self._answer(sent, claim_url)
        made = answer(
            code,
            data,
            now_us=topup.created_at,
            status=topup.status,
            transaction_id=topup.id,
            voucher_of=topup.id,
            voucher_code=sent.voucher_code,
            claim_url=claim_url,
        )
        return replace(made, is_replay=True) if sent.is_replay else made

    def _answer(self, sent: Decided, claim_url: str | None) -> tuple[int, Sent]:
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
    """Return code 3005, for a top-up that failed and whose funds were released."""
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


def _rehearsed(call: RequestContext[Any, Any]) -> Callable[[Rehearsed], Answer]:
    def render(found: Rehearsed) -> Answer:
        if found.sent.topup.status == "failed":
            return failed(call, found.sent.topup, transaction_id=None)
        return answer(codes.SUCCESS, found.quote, now_us=call.now_us)

    return render


_FAILED: Final = Outcome(422, FailedSend, (codes.FAILED_REFUNDED,))
_SENT: Final = (
    Outcome(200, Sent, (codes.DELIVERED, codes.CANCELLED, codes.REVERSED)),
    Outcome(202, Sent, (codes.PENDING,)),
    Outcome(202, SentForApproval, (codes.APPROVAL_REQUIRED,)),
    _FAILED,
)
ROUTES: Final = routes_of(
    (SEND, VALIDATE),
    rendered={
        SEND.name: Rendered(_SENT, SentAnswer),
        VALIDATE.name: Rendered((*ok(Quote), _FAILED), _rehearsed),
    },
)
SEND_ROUTE, VALIDATE_ROUTE = ROUTES
