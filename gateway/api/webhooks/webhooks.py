"""Webhook endpoints: register, list, show, change, delete, rotate the secret, test, verify.

What is no act: a test, whose request goes out between two transactions, and a check that stores nothing.
"""

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, ok
from gateway.answers.people import DASHBOARD
from gateway.answers.refused import Failure, Link
from gateway.api.bodies.webhook_body import TestEventBody, VerifyBody
from gateway.api.schemas.webhooks import FailedTest, Finding, Verification
from gateway.http.errors import doc_url
from gateway.http.idempotency import run_steps
from gateway.http.outbound_limits import pace_ping
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.signatures.signing import verify as verify_signature
from webhooks.delivery_log.views import Attempt
from webhooks.endpoints.ping import send_test

_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)


async def test(call: RequestContext[TestEventBody, Fields]) -> Answer:
    """Sends a sample event now; 5001 with the attempt where the endpoint did not take it."""
    context, principal = call.context, call.principal
    endpoint_id, timeout_s = call.params["endpoint_id"], context.settings.webhook_timeout_s

    async def steps() -> Answer:
        await pace_ping(context.limiter, principal, endpoint_id)
        attempt = await send_test(
            context.database,
            context.vault,
            context.transport,
            context.clock,
            policy=context.policy,
            tenant=principal.tenant,
            endpoint_id=endpoint_id,
            event_type=call.body.event,
            timeout_s=timeout_s,
            trace=call.trace,
        )
        if attempt.error is None:
            return answer(codes.SUCCESS, Attempt.of(attempt), now_us=call.now_us)
        return _test_failed(call, Attempt.of(attempt))

    return await run_steps(context, principal, call.request_key, steps)


def _test_failed(call: RequestContext[TestEventBody, Fields], attempt: Attempt) -> Answer:
    code = codes.CODES[codes.DELIVERY_FAILED]
    assert code.next_action is not None, "a code of an error says what to do next"
    answered = f"HTTP {attempt.http_status}" if attempt.http_status else attempt.error
    error = Failure(
        detail=f"the endpoint did not take the sample: {answered}",
        param=None,
        retryable=False,
        retry_after_s=None,
        next_action=code.next_action,
        doc_url=doc_url(call.home, code.code),
        links=[_page_of(call)],
    )
    return answer(code.code, FailedTest(error=error, attempt=attempt), now_us=call.now_us)


def _page_of(call: RequestContext[TestEventBody, Fields]) -> Link:
    """Where a person sees what the receiver answers."""
    home = call.home
    if call.principal.is_sandbox:
        return Link(rel="guide", method="GET", href=f"{home}/docs/webhooks")
    page = f"{DASHBOARD}/webhooks/{call.params['endpoint_id']}"
    return Link(rel="page", method="GET", href=home + page)


async def verify(call: RequestContext[VerifyBody, Fields]) -> Answer:
    """What is wrong with a received webhook, if anything; nothing of it is kept."""
    body = call.body
    if body.secret is None and body.public_key is None:
        raise InvalidInput("give secret, public_key or both", param="secret")
    findings = verify_signature(
        secret=body.secret,
        public_key=body.public_key,
        headers=body.headers,
        body=body.body.encode(),
        now_s=call.now_us // SECOND_US,
    )
    listed = [
        Finding(part=finding.part, header=finding.header, detail=finding.detail)
        for finding in findings
    ]
    data = Verification(valid=not listed, findings=listed)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "POST",
        "/webhooks/verify",
        verify,
        "Check a received webhook",
        _READ,
        body=VerifyBody,
        takes_key=False,
        answers=ok(Verification),
    ),
    Route(
        "POST",
        "/webhooks/{endpoint_id}/test",
        test,
        "Send a sample event",
        _WRITE,
        body=TestEventBody,
        answers=(*ok(Attempt), Outcome(422, FailedTest, (codes.DELIVERY_FAILED,))),
    ),
)
