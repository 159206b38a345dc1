"""Webhook endpoints: register, list, show, change, delete, rotate the secret, test, verify."""

from functools import partial
from typing import Any

from msgspec import UNSET

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, Outcome, created, exported, ok
from gateway.answers.people import DASHBOARD
from gateway.answers.refused import Failure, Link
from gateway.api.bodies.webhook_body import (
    RegisterBody,
    TestEventBody,
    VerifyBody,
    WebhooksPatchBody,
    WebhooksRotateBody,
)
from gateway.api.schemas.webhooks import (
    Attempt,
    DeletedEndpoint,
    EndpointWithSecret,
    FailedTest,
    Finding,
    Verification,
    WebhookEndpoint,
)
from gateway.api.webhooks.endpoint_audit import audited, audited_status, check_moved
from gateway.html.render import address_of
from gateway.http.acting import note
from gateway.http.errors import doc_url
from gateway.http.idempotency import run_once, run_steps, stored_answer
from gateway.http.lists import Export, list_or_csv
from gateway.http.outbound_limits import pace_ping, pace_target
from gateway.http.password_again import require_password
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import ExportPage, Fields
from keys.signatures.signing import verify as verify_signature
from store.database import Transaction
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import Endpoint
from webhooks.endpoints.fields import (
    EndpointChanges,
    NewEndpoint,
    check_target,
)
from webhooks.endpoints.ping import send_test
from webhooks.endpoints.secrecy import EndpointRights

_READ = ("webhooks:read",)
_EXPORT = Export(
    "webhooks",
    _READ,
    (
        *("id", "url", "description", "events", "status", "disabled_reason", "failing_since"),
        *("rate_limit_per_s", "include_codes", "include_approval_links", "created_at"),
        *("filter", "ed25519", "public_key", "ordered"),
    ),
)
_WRITE = ("webhooks:write",)


async def register(call: RequestContext[RegisterBody, Fields]) -> Answer:
    context, principal, body = call.context, call.principal, call.body
    # A name is looked up before the transaction, and a repeated call need not look again.
    stored = await stored_answer(context, call.request_key)
    if stored is not None:
        return stored
    if body.include_codes or body.include_approval_links:
        await require_password(call)
    await pace_target(context.limiter, principal)
    await check_target(body.url, principal.tenant, context.policy, context.transport)
    now_us = call.now_us
    new = NewEndpoint(
        url=body.url,
        events=body.events,
        description=body.description,
        headers=body.headers,
        retry_schedule_s=body.retry_schedule_s,
        rate_limit_per_s=body.rate_limit_per_s,
        ordered=body.ordered,
        include_codes=body.include_codes,
        include_approval_links=body.include_approval_links,
        filter=body.filter,
        ed25519=body.ed25519,
    )

    async def work(tx: Transaction) -> tuple[Endpoint, str]:
        made, secret = await endpoints.register(
            tx,
            context.vault,
            tenant=principal.tenant,
            new=new,
            is_sandbox=principal.is_sandbox,
            rights=EndpointRights.of(principal),
            now_us=now_us,
        )
        await note(tx, call, "endpoint.created", made.id, after=audited(made))
        return made, secret

    return await run_once(call, work, _with_secret(now_us, 201), sealed=True)


async def list_endpoints(call: RequestContext[Fields, ExportPage]) -> Reply:
    read = partial(endpoints.list_endpoints, vault=call.context.vault, tenant=call.principal.tenant)
    shape, sorts = WebhookEndpoint.of, endpoints.SORTS
    return await list_or_csv(call, "we", read, _EXPORT, shape=shape, sorts=sorts)


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    context, principal, endpoint_id = call.context, call.principal, call.params["endpoint_id"]
    found = await context.database.read(
        lambda tx: endpoints.get(tx, context.vault, principal.tenant, endpoint_id)
    )
    return answer(codes.SUCCESS, WebhookEndpoint.of(found), now_us=call.now_us)


async def change(call: RequestContext[WebhooksPatchBody, Fields]) -> Answer:
    context, principal, body = call.context, call.principal, call.body
    endpoint_id, now_us = call.params["endpoint_id"], call.now_us
    stored = await stored_answer(context, call.request_key)
    if stored is not None:
        return stored
    await check_moved(call, body)
    if body.url is not UNSET:
        await pace_target(context.limiter, principal)
        await check_target(body.url, principal.tenant, context.policy, context.transport)
    changes = EndpointChanges(
        url=body.url,
        events=body.events,
        description=body.description,
        headers=body.headers,
        retry_schedule_s=body.retry_schedule_s,
        rate_limit_per_s=body.rate_limit_per_s,
        ordered=body.ordered,
        include_codes=body.include_codes,
        include_approval_links=body.include_approval_links,
        filter=body.filter,
        ed25519=body.ed25519,
        status=body.status,
    )

    async def work(tx: Transaction) -> Endpoint:
        before = await endpoints.get(tx, context.vault, principal.tenant, endpoint_id)
        after = await endpoints.patch(
            tx,
            context.vault,
            principal.tenant,
            endpoint_id,
            changes=changes,
            rights=EndpointRights.of(principal),
            now_us=now_us,
        )
        old, new = audited(before), audited(after)
        if before.url != after.url:
            await note(tx, call, "endpoint.moved", endpoint_id, before=old, after=new)
        elif old != new:
            await note(tx, call, "endpoint.changed", endpoint_id, before=old, after=new)
        was, now = audited_status(before), audited_status(after)
        if was != now:
            await note(tx, call, f"endpoint.{after.status}", endpoint_id, before=was, after=now)
        return after

    return await run_once(
        call,
        work,
        lambda changed: answer(codes.SUCCESS, WebhookEndpoint.of(changed), now_us=now_us),
    )


async def delete(call: RequestContext[Fields, Fields]) -> Answer:
    context, principal = call.context, call.principal
    endpoint_id, now_us = call.params["endpoint_id"], call.now_us

    async def work(tx: Transaction) -> Endpoint:
        gone = await endpoints.delete(
            tx, context.vault, principal.tenant, endpoint_id, now_us=now_us
        )
        await note(tx, call, "endpoint.deleted", endpoint_id, before=audited(gone))
        return gone

    def render(gone: Endpoint) -> Answer:
        return answer(codes.SUCCESS, DeletedEndpoint(id=gone.id, deleted=True), now_us=now_us)

    return await run_once(call, work, render)


async def rotate_secret(call: RequestContext[WebhooksRotateBody, Fields]) -> Answer:
    context, principal = call.context, call.principal
    endpoint_id, overlap_s, now_us = call.params["endpoint_id"], call.body.overlap_s, call.now_us

    async def work(tx: Transaction) -> tuple[Endpoint, str]:
        rotated, secret = await endpoints.rotate_secret(
            tx, context.vault, principal.tenant, endpoint_id, overlap_s=overlap_s, now_us=now_us
        )
        after = {"overlap_s": overlap_s}
        await note(tx, call, "endpoint.secret_rotated", endpoint_id, after=after)
        return rotated, secret

    return await run_once(call, work, _with_secret(now_us, 200), sealed=True)


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
        doc_url=doc_url(address_of(call), code.code),
        links=[_page_of(call)],
    )
    return answer(code.code, FailedTest(error=error, attempt=attempt), now_us=call.now_us)


def _page_of(call: RequestContext[TestEventBody, Fields]) -> Link:
    """Where a person sees what the receiver answers."""
    home = address_of(call)
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


def _with_secret(now_us: int, http_status: int) -> Any:
    """Renders an endpoint together with its secret, which is shown this once."""

    def render(made: tuple[Endpoint, str]) -> Answer:
        endpoint, secret = made
        data = EndpointWithSecret.of(endpoint, secret=secret)
        return answer(codes.SUCCESS, data, now_us=now_us, http_status=http_status)

    return render


ROUTES = (
    Route(
        "POST",
        "/webhooks/register",
        register,
        "Register a webhook",
        _WRITE,
        body=RegisterBody,
        description=(
            "Creates a webhook endpoint: an address of yours that events are sent to. The answer has its `secret`,"
            " which is not shown again."
        ),
        answers=created(EndpointWithSecret),
        refuses=(codes.URL_INVALID, codes.LIMIT_REACHED),
    ),
    Route(
        "GET",
        "/webhooks",
        list_endpoints,
        "List webhooks",
        _READ,
        query=ExportPage,
        answers=exported(Listing[WebhookEndpoint]),
    ),
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
        "GET",
        "/webhooks/{endpoint_id}",
        show,
        "Show a webhook",
        _READ,
        answers=ok(WebhookEndpoint),
    ),
    Route(
        "PATCH",
        "/webhooks/{endpoint_id}",
        change,
        "Change a webhook",
        _WRITE,
        body=WebhooksPatchBody,
        answers=ok(WebhookEndpoint),
        refuses=(codes.URL_INVALID,),
    ),
    Route(
        "DELETE",
        "/webhooks/{endpoint_id}",
        delete,
        "Delete a webhook",
        _WRITE,
        answers=ok(DeletedEndpoint),
    ),
    Route(
        "POST",
        "/webhooks/{endpoint_id}/rotate-secret",
        rotate_secret,
        "Rotate a webhook's secret",
        _WRITE,
        body=WebhooksRotateBody,
        asks_password=True,
        answers=ok(EndpointWithSecret),
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
