"""Certifying a receiver: forged, repeated, late and lost requests to a staging endpoint."""

from typing import Final

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.api.bodies.webhook_body import CertifyBody
from gateway.api.schemas.webhooks import CertifiedReceiver
from gateway.http.acting import note
from gateway.http.fields import EnvironmentMismatch
from gateway.http.idempotency import run_steps
from gateway.http.outbound_limits import pace_certification
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.fields import Fields
from webhooks.certification.certify import Certification, certify_endpoint
from webhooks.certification.trial_message import ENVIRONMENT
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.fields import check_target, policy_of

# What one request may take: a run has some fifty, and a caller waits for all of them.
TIMEOUT_S_MAX: Final = 5.0


async def certify(call: RequestContext[CertifyBody, Fields]) -> Answer:
    """Tries the endpoint now; some seconds, at most a minute."""
    context, tenant = call.context, call.principal.tenant
    endpoint_id = call.params["endpoint_id"]
    # Who may not see the endpoint does not learn that it exists.
    await context.database.read(lambda tx: endpoints.get(tx, context.vault, tenant, endpoint_id))
    if tenant.environment != ENVIRONMENT:
        raise EnvironmentMismatch(
            "receivers are certified in staging only; register the URL there too",
            reason="environment",
        )

    async def steps() -> Answer:
        await pace_certification(context.limiter, call.principal)
        run = await _run(call)
        await context.database.transaction(
            lambda tx: note(tx, call, "endpoint.certified", endpoint_id, after=dict(run.counts))
        )
        data = CertifiedReceiver.of(endpoint_id, run)
        return answer(codes.SUCCESS, data, now_us=call.now_us)

    return await run_steps(context, call.principal, call.request_key, steps)


async def _run(call: RequestContext[CertifyBody, Fields]) -> Certification:
    context, tenant = call.context, call.principal.tenant
    if call.body.effects_url is not None:
        await check_target(call.body.effects_url, tenant, context.policy, context.transport)
    return await certify_endpoint(
        context.database,
        context.vault,
        context.transport,
        context.clock,
        policy=policy_of(context.policy, tenant.environment),
        tenant=tenant,
        endpoint_id=call.params["endpoint_id"],
        effects_url=call.body.effects_url,
        timeout_s=min(TIMEOUT_S_MAX, context.settings.webhook_timeout_s),
    )


ROUTES = (
    Route(
        "POST",
        "/webhooks/{endpoint_id}/certify",
        certify,
        "Certify a receiver",
        ("webhooks:write",),
        body=CertifyBody,
        description=(
            "Sends genuine, repeated, reordered, forged and old requests to a staging endpoint, some"
            " fifty within a minute, and says what it would lose, do twice or believe. Nothing of it"
            " stands in the delivery log, and the endpoint is not disabled by it. They look like real"
            ' events of staging; their metadata says `{"certify": "true"}`.'
        ),
        answers=ok(CertifiedReceiver),
        refuses=(codes.URL_INVALID, codes.DELIVERY_FAILED),
    ),
)
